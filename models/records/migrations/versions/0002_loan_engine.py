"""The loan engine: products, transactions, and books that are kept day by day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_TABLES: tuple[str, ...] = (
    "caas_loan_product",
    "caas_loan_transaction",
    "caas_transaction_split",
    "caas_account",
    "caas_closed_period",
    "caas_business_day",
)

NEW_LOAN_COLUMNS = (
    "product_id",
    "product_version",
    "classification",
    "charged_off_on",
    "non_accrual_since",
    "forbearance_since",
    "forbearance_until",
    "apr_method",
    "interest_accrued_minor",
    "fees_accrued_minor",
    "allowance_minor",
    "charge_off_due",
    "is_virtual",
    "accrued_on",
    "closed_business_on",
)


def upgrade() -> None:
    _products()
    _terms()
    _transactions()
    _books()


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    for function in ("caas_keep_product", "caas_check_period", "caas_close_period"):
        op.execute(f"DROP FUNCTION IF EXISTS {function} CASCADE")
    op.execute("DROP POLICY caas_tenant_relay ON caas_tenant")
    op.execute("REVOKE SELECT (tenant_id) ON caas_tenant FROM caas_relay")
    op.execute("REVOKE DELETE ON caas_installment FROM caas_app")
    op.drop_column("caas_journal", "reverses")
    op.drop_index("caas_journal_booked", "caas_journal")
    op.drop_index("caas_journal_loan", "caas_journal")
    op.create_index("caas_journal_loan", "caas_journal", ["tenant_id", "loan_id"], unique=False)
    for column in ("product_id", "product_version"):
        op.drop_column("caas_application", column)
    for column in NEW_LOAN_COLUMNS:
        op.drop_column("caas_loan", column)


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
    op.create_index(
        "caas_loan_product_in_force",
        "caas_loan_product",
        ["tenant_id", "id"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    wall_off("caas_loan_product", "SELECT, INSERT, UPDATE")
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


def _terms() -> None:
    """The method that gives a loan's annual percentage rate its meaning."""
    op.add_column(
        "caas_loan", sa.Column("apr_method", sa.String(), server_default="us_reg_z_appendix_j", nullable=False)
    )
    op.alter_column("caas_loan", "apr_method", server_default=None)


def _transactions() -> None:
    """What happened to a loan, in the order it was recorded, and where the money of each went."""
    op.create_table(
        "caas_loan_transaction",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "loan_id"], ["caas_loan.tenant_id", "caas_loan.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "caas_loan_transaction_loan", "caas_loan_transaction", ["tenant_id", "loan_id", "sequence"], unique=True
    )
    op.create_table(
        "caas_transaction_split",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("penalty_minor", sa.BigInteger(), nullable=False),
        sa.Column("overpaid_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"], ["caas_loan_transaction.tenant_id", "caas_loan_transaction.id"]
        ),
        sa.PrimaryKeyConstraint("tenant_id", "transaction_id", "version"),
    )
    op.create_index("caas_transaction_split_loan", "caas_transaction_split", ["tenant_id", "loan_id"], unique=False)
    for table in ("caas_loan_transaction", "caas_transaction_split"):
        wall_off(table, "SELECT, INSERT")
        append_only(table)
    # A restructured or shortened loan has fewer installments than before.
    op.execute("GRANT DELETE ON caas_installment TO caas_app")


def _books() -> None:
    """The chart of accounts, closed periods, closed days, and what is booked of each loan."""
    _new_book_tables()
    op.add_column("caas_journal", sa.Column("reverses", sa.String(), nullable=True))
    op.create_unique_constraint("caas_journal_reversed_once", "caas_journal", ["tenant_id", "reverses"])
    op.create_foreign_key(
        "caas_journal_reverses", "caas_journal", "caas_journal", ["tenant_id", "reverses"], ["tenant_id", "id"]
    )
    op.drop_index("caas_journal_loan", "caas_journal")
    op.create_index("caas_journal_loan", "caas_journal", ["tenant_id", "loan_id", "booked_on"], unique=False)
    op.create_index("caas_journal_booked", "caas_journal", ["tenant_id", "booked_on", "recorded_at"], unique=False)
    for column in ("interest_accrued_minor", "fees_accrued_minor", "allowance_minor"):
        op.add_column("caas_loan", sa.Column(column, sa.BigInteger(), server_default="0", nullable=False))
        op.alter_column("caas_loan", column, server_default=None)
    for column in ("charge_off_due", "is_virtual"):
        op.add_column("caas_loan", sa.Column(column, sa.Boolean(), server_default="false", nullable=False))
        op.alter_column("caas_loan", column, server_default=None)
    for column in ("accrued_on", "closed_business_on"):
        op.add_column("caas_loan", sa.Column(column, sa.Date(), nullable=True))
    op.create_index(
        "caas_loan_to_close",
        "caas_loan",
        ["tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("(status IN ('active', 'overpaid') OR allowance_minor <> 0) AND NOT is_virtual"),
    )
    _take_over_income()
    _close_periods()


def _take_over_income() -> None:
    """Until now interest was income when it was paid: that much is in the books of the loans there are.

    Row-level security binds the owner as well, so it is lifted for this one statement.
    """
    tables = ("caas_loan", "caas_installment")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE caas_loan SET interest_accrued_minor = paid.interest, fees_accrued_minor = paid.fees
        FROM (SELECT tenant_id, loan_id, sum(interest_paid_minor) AS interest, sum(fee_paid_minor) AS fees
            FROM caas_installment GROUP BY tenant_id, loan_id) AS paid
        WHERE caas_loan.tenant_id = paid.tenant_id AND caas_loan.id = paid.loan_id AND status <> 'cancelled'
    """)
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _new_book_tables() -> None:
    recorded = ("recorded_at", sa.DateTime(timezone=True))
    op.create_table(
        "caas_account",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column(*recorded, server_default=sa.text("now()"), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account"),
    )
    op.create_table(
        "caas_closed_period",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column(*recorded, server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_through", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "closed_through"),
    )
    op.create_table(
        "caas_business_day",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column(*recorded, server_default=sa.text("now()"), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "business_date"),
    )
    wall_off("caas_account", "SELECT, INSERT, UPDATE")
    wall_off("caas_closed_period", "SELECT, INSERT")
    wall_off("caas_business_day", "SELECT, INSERT, UPDATE")
    append_only("caas_closed_period")
    # The worker keeps a schedule for each tenant, so it must know which there are; it learns no more than their ids.
    op.execute("CREATE POLICY caas_tenant_relay ON caas_tenant FOR SELECT TO caas_relay USING (true)")
    op.execute("GRANT SELECT (tenant_id) ON caas_tenant TO caas_relay")


def _close_periods() -> None:
    """Refuse a journal dated into a closed period, and a reversal of a reversal, whoever writes them.

    A posting and a closure of the same period take one lock each, shared and exclusive, so that neither overtakes the
    other: what the closure has not seen, it waits for.
    """
    op.execute("""
        CREATE FUNCTION caas_check_period() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE refused record;
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(hashtext('caas_closed_period:' || tenant_id))
            FROM (SELECT DISTINCT tenant_id FROM added) AS tenants;
            SELECT a.key, c.closed_through INTO refused
            FROM added a JOIN caas_closed_period c ON c.tenant_id = a.tenant_id AND c.closed_through >= a.booked_on
            LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'journal % is dated into the period closed through %',
                refused.key, refused.closed_through USING ERRCODE = 'check_violation';
            END IF;
            SELECT a.key INTO refused
            FROM added a JOIN caas_journal j ON j.tenant_id = a.tenant_id AND j.id = a.reverses
            WHERE j.reverses IS NOT NULL LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'journal % reverses a reversal', refused.key USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER caas_journal_period AFTER INSERT ON caas_journal REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION caas_check_period()
    """)
    op.execute("""
        CREATE FUNCTION caas_close_period() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtext('caas_closed_period:' || NEW.tenant_id));
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER caas_closed_period_alone BEFORE INSERT ON caas_closed_period
        FOR EACH ROW EXECUTE FUNCTION caas_close_period()
    """)
