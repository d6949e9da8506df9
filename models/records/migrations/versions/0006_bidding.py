"""How leads are matched and bid for, on record."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NEW_TABLES = ("caas_matching", "caas_matching_weights", "caas_disclosure", "caas_information")


def upgrade() -> None:
    for table, column in _new_columns():
        op.add_column(table, column)
    op.alter_column("caas_offer", "rank", existing_type=sa.Integer(), nullable=True)
    op.create_index("caas_offer_provider", "caas_offer", ["tenant_id", "provider_id", "received_at"])
    _matching()
    _disclosures()
    _information()


def downgrade() -> None:
    for table in _NEW_TABLES:
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    op.drop_index("caas_offer_provider", "caas_offer")
    op.execute("DELETE FROM caas_offer WHERE rank IS NULL")
    op.alter_column("caas_offer", "rank", existing_type=sa.Integer(), nullable=False)
    for table, column in _new_columns():
        op.drop_column(table, column.name)


def _new_columns() -> tuple[tuple[str, sa.Column[object]], ...]:
    return (
        ("caas_offer", sa.Column("net_disbursed_minor", sa.BigInteger(), nullable=True)),
        ("caas_offer", sa.Column("funding_hours", sa.Integer(), nullable=True)),
        ("caas_offer", sa.Column("is_counter", sa.Boolean(), server_default=sa.false(), nullable=False)),
        ("caas_offer", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True)),
        ("caas_offer", sa.Column("settled_by", sa.String(), nullable=True)),
        ("caas_lead_grant", sa.Column("reason_code", sa.String(), nullable=True)),
        ("caas_application", sa.Column("bidding_window_hours", sa.Integer(), nullable=True)),
        ("caas_application", sa.Column("lapses", sa.Integer(), server_default="0", nullable=False)),
    )


def _matching() -> None:
    op.create_table(
        "caas_matching",
        *_of_an_application(),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matched_on", sa.Date(), nullable=False),
        sa.Column("weights_version", sa.Integer(), nullable=False),
        sa.Column("weights", postgresql.JSONB(), nullable=False),
        sa.Column("lead", postgresql.JSONB(), nullable=False),
        sa.Column("candidates", postgresql.JSONB(), nullable=False),
        sa.Column("result", postgresql.JSONB(), nullable=False),
        sa.Column("explored", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "application_id"),
    )
    op.create_index("caas_matching_lead", "caas_matching", ["tenant_id", "lead_id"])
    op.create_table(
        "caas_matching_weights",
        *_recorded(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("weights", postgresql.JSONB(), nullable=False),
        sa.Column("operator", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "version"),
    )
    for table in ("caas_matching", "caas_matching_weights"):
        wall_off(table, "SELECT, INSERT")
        append_only(table)


def _disclosures() -> None:
    op.create_table(
        "caas_disclosure",
        *_of_an_application(),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("what", postgresql.JSONB(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_disclosure_lead", "caas_disclosure", ["tenant_id", "lead_id"])
    wall_off("caas_disclosure", "SELECT, INSERT")
    append_only("caas_disclosure")


def _information() -> None:
    op.create_table(
        "caas_information",
        *_of_an_application(),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("needed", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_information_lead", "caas_information", ["tenant_id", "lead_id"])
    wall_off("caas_information", "SELECT, INSERT, UPDATE")


def _recorded() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def _of_an_application() -> tuple[sa.Column[object] | sa.ForeignKeyConstraint, ...]:
    return (
        *_recorded(),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
    )
