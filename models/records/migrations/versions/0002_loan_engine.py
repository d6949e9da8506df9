"""The loan engine: products, transactions, and books that are kept day by day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    _products()
    _transactions()
    _books()


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")


def _products() -> None:
    """Loan products, and the version a loan was born with."""


def _transactions() -> None:
    """What happened to a loan, in the order it was recorded."""


def _books() -> None:
    """The chart of accounts, closed periods, and what a close of business keeps on a loan."""


def _wall_off(table: str, rights: str) -> None:
    """Force row-level security on a new table, as on every other, and give the application these rights."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY {table}_tenant ON {table} TO caas_app, caas_relay
        USING (tenant_id = (SELECT caas_current_tenant())) WITH CHECK (tenant_id = (SELECT caas_current_tenant()))
    """)
    op.execute(f"GRANT {rights} ON {table} TO caas_app")


def _append_only(table: str) -> None:
    """Refuse every change of what is written, whoever asks."""
    op.execute(f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION caas_refuse_change()
    """)
