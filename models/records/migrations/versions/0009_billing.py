"""Rate cards, billable events and invoices; and journals of an invoice, which is no loan."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = (
    "caas_rate_card",
    "caas_billable_event",
    "caas_invoice",
    "caas_invoice_line",
    "caas_billed_event",
    "caas_credit_note",
    "caas_invoice_payment",
)


def upgrade() -> None:
    _make_tables()
    for table in TABLES[1:]:
        wall_off(table, "SELECT, INSERT")
        append_only(table)
    wall_off("caas_rate_card", "SELECT, INSERT, UPDATE, DELETE")
    _seal_used_cards()
    op.alter_column("caas_journal", "loan_id", nullable=True)
    op.add_column("caas_journal", sa.Column("invoice_id", sa.String(), nullable=True))
    op.create_foreign_key(
        "caas_journal_invoice", "caas_journal", "caas_invoice", ["tenant_id", "invoice_id"], ["tenant_id", "id"]
    )
    op.create_check_constraint("caas_journal_subject", "caas_journal", "(loan_id IS NULL) <> (invoice_id IS NULL)")


def downgrade() -> None:
    op.drop_constraint("caas_journal_subject", "caas_journal")
    op.drop_constraint("caas_journal_invoice", "caas_journal")
    op.drop_column("caas_journal", "invoice_id")
    op.alter_column("caas_journal", "loan_id", nullable=False)
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION caas_refuse_used_card")


def _seal_used_cards() -> None:
    """A card that has priced an event stays as it was, whoever asks."""
    op.execute("""
        CREATE FUNCTION caas_refuse_used_card() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM caas_billable_event e WHERE e.tenant_id = OLD.tenant_id
                AND e.rate_card_id = OLD.id AND e.rate_card_version = OLD.version) THEN
                RAISE EXCEPTION 'rate card % version % is used: make a new version', OLD.id, OLD.version
                USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER caas_rate_card_used BEFORE UPDATE OR DELETE ON caas_rate_card
        FOR EACH ROW EXECUTE FUNCTION caas_refuse_used_card()
    """)


def _make_tables() -> None:
    op.create_table(
        "caas_rate_card",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("lead_minor", sa.BigInteger(), nullable=True),
        sa.Column("funded_bps", sa.Numeric(14, 6), nullable=True),
        sa.Column("funded_minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("funded_maximum_minor", sa.BigInteger(), nullable=True),
        sa.Column("clawback_percent", sa.Numeric(14, 6), nullable=True),
        sa.Column("clawback_days_past_due", sa.Integer(), nullable=True),
        sa.Column("clawback_within_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id", "version"),
        sa.UniqueConstraint("tenant_id", "id", "effective_from", name="caas_rate_card_month"),
    )
    op.create_index(
        "caas_rate_card_scope", "caas_rate_card", ["tenant_id", "currency", "provider_id", "effective_from"]
    )
    op.create_table(
        "caas_billable_event",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("basis_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("rate_card_id", sa.String(), nullable=False),
        sa.Column("rate_card_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        sa.ForeignKeyConstraint(
            ["tenant_id", "rate_card_id", "rate_card_version"],
            ["caas_rate_card.tenant_id", "caas_rate_card.id", "caas_rate_card.version"],
            name="caas_billable_event_card",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "source", name="caas_billable_event_source"),
    )
    op.create_index("caas_billable_event_account", "caas_billable_event", ["tenant_id", "provider_id", "occurred_at"])
    op.create_table(
        "caas_invoice",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "year", "sequence", name="caas_invoice_number"),
        sa.UniqueConstraint("tenant_id", "provider_id", "period", "currency", name="caas_invoice_once"),
    )
    op.create_table(
        "caas_invoice_line",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("basis_minor", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(14, 6), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "invoice_id", "line"),
    )
    op.create_table(
        "caas_billed_event",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "event_id"], ["caas_billable_event.tenant_id", "caas_billable_event.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "event_id"),
    )
    op.create_index("caas_billed_event_invoice", "caas_billed_event", ["tenant_id", "invoice_id"])
    op.create_table(
        "caas_credit_note",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "year", "sequence", name="caas_credit_note_number"),
    )
    op.create_table(
        "caas_invoice_payment",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "invoice_id", "reference"),
    )
