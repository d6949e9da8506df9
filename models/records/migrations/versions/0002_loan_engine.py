"""The loan engine: products, transactions, and books that are kept day by day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_TABLES: tuple[str, ...] = ("caas_loan_product",)


def upgrade() -> None:
    _products()
    _transactions()
    _books()


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")


def _products() -> None:
    """Loan products, and the version a loan was born with."""
    op.create_table(
        "caas_loan_product",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", "version"),
    )
    op.create_index("caas_loan_product_status", "caas_loan_product", ["tenant_id", "status", "id"], unique=False)
    _wall_off("caas_loan_product", "SELECT, INSERT, UPDATE")
    op.execute("""
        CREATE FUNCTION caas_keep_product() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.status <> 'draft' AND
               (NEW.settings, NEW.provider_id, NEW.name) IS DISTINCT FROM (OLD.settings, OLD.provider_id, OLD.name)
            THEN
                RAISE EXCEPTION 'a loan product that has left its draft is changed by a new version'
                USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER caas_loan_product_kept BEFORE UPDATE OR DELETE ON caas_loan_product
        FOR EACH ROW EXECUTE FUNCTION caas_keep_product()
    """)
    for table in ("caas_application", "caas_loan"):
        op.add_column(table, sa.Column("product_id", sa.String(), nullable=True))
        op.add_column(table, sa.Column("product_version", sa.Integer(), nullable=True))
        op.create_foreign_key(
            f"{table}_product_version",
            table,
            "caas_loan_product",
            ["tenant_id", "product_id", "product_version"],
            ["tenant_id", "id", "version"],
        )
    op.add_column("caas_loan", sa.Column("classification", sa.String(), nullable=True))
    op.add_column("caas_loan", sa.Column("charged_off_on", sa.Date(), nullable=True))
    op.add_column("caas_loan", sa.Column("non_accrual_since", sa.Date(), nullable=True))
    op.add_column("caas_loan", sa.Column("forbearance_since", sa.Date(), nullable=True))
    op.add_column("caas_loan", sa.Column("forbearance_until", sa.Date(), nullable=True))


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
