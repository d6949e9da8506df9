"""How much a provider can lend in all, and how many leads it wants a day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("caas_provider", sa.Column("exposure_limit_minor", sa.BigInteger(), nullable=True))
    op.add_column("caas_provider", sa.Column("daily_lead_cap", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("caas_provider", "daily_lead_cap")
    op.drop_column("caas_provider", "exposure_limit_minor")
