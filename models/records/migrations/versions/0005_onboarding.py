"""A provider on its way in: checks, certification, approval, suspension."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("caas_provider", sa.Column("status_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("caas_provider", sa.Column("status_reason", sa.String(), nullable=True))
    op.add_column("caas_provider", sa.Column("checklist", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("caas_api_key", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "caas_provider_history",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "caas_provider_history_of", "caas_provider_history", ["tenant_id", "provider_id", "sequence"], unique=False
    )
    wall_off("caas_provider_history", "SELECT, INSERT")
    append_only("caas_provider_history")


def downgrade() -> None:
    op.drop_table("caas_provider_history")
    op.drop_column("caas_api_key", "expires_at")
    for column in ("checklist", "status_reason", "status_at"):
        op.drop_column("caas_provider", column)
