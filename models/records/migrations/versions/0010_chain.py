"""Loans on chain: terms, signatures, what is written for them, transactions, events; and tasks for operators."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    "caas_chain_loan",
    "caas_chain_operation",
    "caas_chain_signature",
    "caas_chain_tx",
    "caas_chain_signer",
    "caas_chain_event",
    "caas_chain_cursor",
    "caas_operator_task",
)
_NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column("caas_loan", sa.Column("on_chain", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("caas_loan", "on_chain", server_default=None)
    op.add_column("caas_application", sa.Column("wallet_address", sa.String(), nullable=True))
    _make_chain_loan()
    _make_chain_operation()
    _make_chain_signature()
    _make_chain_tx()
    _make_chain_signer()
    _make_chain_event()
    _make_chain_cursor()
    _make_operator_task()
    for table in ("caas_chain_loan", "caas_chain_operation", "caas_chain_tx", "caas_chain_event", "caas_operator_task"):
        wall_off(table, "SELECT, INSERT, UPDATE", relay="SELECT, INSERT, UPDATE")
    wall_off("caas_chain_signature", "SELECT, INSERT")
    append_only("caas_chain_signature")
    # The reader and the janitor of the chain serve every tenant, and what they see of them is public on the chain.
    for table in ("caas_chain_loan", "caas_chain_tx", "caas_chain_event"):
        op.execute(f"CREATE POLICY {table}_relay ON {table} TO caas_relay USING (true) WITH CHECK (true)")
    for table in ("caas_chain_signer", "caas_chain_cursor"):
        _open_to_us(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("caas_application", "wallet_address")
    op.drop_column("caas_loan", "on_chain")


def _open_to_us(table: str) -> None:
    """No tenant's row: walled off from everybody but our two roles."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_ours ON {table} TO caas_app, caas_relay USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO caas_app, caas_relay")


def _make_chain_loan() -> None:
    op.create_table(
        "caas_chain_loan",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("aggregator", sa.String(), nullable=False),
        sa.Column("loan_key", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("funds", sa.String(), nullable=False),
        sa.Column("secured", sa.Boolean(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("terms_hash", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("scale", sa.Integer(), nullable=False),
        sa.Column("lender_signature", sa.String(), nullable=False),
        sa.Column("told_state", sa.String(), nullable=False),
        sa.Column("told_principal", sa.Numeric(39, 0), nullable=False),
        sa.Column("told_outstanding", sa.Numeric(39, 0), nullable=False),
        sa.Column("told_interest", sa.Numeric(39, 0), nullable=False),
        sa.Column("told_forgiven", sa.Numeric(39, 0), nullable=False),
        sa.Column("told_sequence", sa.Integer(), nullable=False),
        sa.Column("seen_state", sa.String(), nullable=False),
        sa.Column("seen_outstanding", sa.Numeric(39, 0), nullable=False),
        sa.Column("seen_interest", sa.Numeric(39, 0), nullable=False),
        sa.Column("seen_sequence", sa.Integer(), nullable=False),
        sa.Column("seen_block", sa.BigInteger(), nullable=True),
        sa.Column("margin_called_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("health_factor", sa.Numeric(39, 0), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "loan_id"),
        sa.UniqueConstraint("loan_key", name="caas_chain_loan_key"),
    )
    op.create_index("caas_chain_loan_application", "caas_chain_loan", ["tenant_id", "application_id"])


def _make_chain_operation() -> None:
    op.create_table(
        "caas_chain_operation",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tx_hash", sa.String(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "loan_id", "position", name="caas_chain_operation_position"),
    )
    op.create_index(
        "caas_chain_operation_open",
        "caas_chain_operation",
        ["tenant_id", "loan_id", "position"],
        postgresql_where=sa.text("status <> 'done'"),
    )


def _make_chain_signature() -> None:
    op.create_table(
        "caas_chain_signature",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "loan_id", "role", "signer"),
    )


def _make_chain_tx() -> None:
    op.create_table(
        "caas_chain_tx",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("op_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("max_fee", sa.BigInteger(), nullable=False),
        sa.Column("priority_fee", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "op_id", "attempt"),
        sa.UniqueConstraint("chain_id", "hash", name="caas_chain_tx_hash"),
        sa.UniqueConstraint("chain_id", "signer", "nonce", "attempt", name="caas_chain_tx_nonce"),
    )
    op.create_index(
        "caas_chain_tx_open",
        "caas_chain_tx",
        ["chain_id", "signer", "nonce"],
        postgresql_where=sa.text("status IN ('signed', 'sent')"),
    )


def _make_chain_signer() -> None:
    op.create_table(
        "caas_chain_signer",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "address"),
    )


def _make_chain_event() -> None:
    op.create_table(
        "caas_chain_event",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("tx_hash", sa.String(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("chain_id", "block_hash", "tx_hash", "log_index", name="caas_chain_event_log"),
    )
    op.create_index("caas_chain_event_block", "caas_chain_event", ["chain_id", "block_number"])
    op.create_index("caas_chain_event_loan", "caas_chain_event", ["tenant_id", "loan_id", "block_number", "log_index"])


def _make_chain_cursor() -> None:
    op.create_table(
        "caas_chain_cursor",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("genesis", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("confirmed", sa.BigInteger(), nullable=False),
        sa.Column("trail", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id"),
    )


def _make_operator_task() -> None:
    op.create_table(
        "caas_operator_task",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=True),
        sa.Column("application_id", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "caas_operator_task_open",
        "caas_operator_task",
        ["tenant_id", "opened_at"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
