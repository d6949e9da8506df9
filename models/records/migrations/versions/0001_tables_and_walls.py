"""The tables, the walls between tenants and the append-only ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = ("caas_event", "caas_journal", "caas_entry")
TENANT_TABLES = (
    "caas_tenant",
    "caas_api_key",
    "caas_idempotency_key",
    "caas_applicant",
    "caas_verified_user",
    "caas_application",
    "caas_provider",
    "caas_lead_grant",
    "caas_decision",
    "caas_offer",
    "caas_loan",
    "caas_installment",
    "caas_payment",
    "caas_rail_address",
    "caas_inbound_webhook",
    "caas_journal",
    "caas_entry",
    "caas_event",
    "caas_delivery",
)


def upgrade() -> None:
    op.create_table(
        "caas_api_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("last_four", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("key_hash", name="caas_api_key_hash"),
    )
    op.create_table(
        "caas_applicant",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone_number", sa.String(), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("employment", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("finances", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("identity_type", sa.String(), nullable=False),
        sa.Column("identity_number", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_table(
        "caas_decision",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "provider_id", "lead_id", "message_id", name="caas_decision_message"),
    )
    op.create_table(
        "caas_delivery",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_delivery_status", "caas_delivery", ["tenant_id", "status"], unique=False)
    op.create_table(
        "caas_event",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "caas_event_timeline", "caas_event", ["tenant_id", "application_id", "occurred_at", "sequence"], unique=False
    )
    op.create_table(
        "caas_idempotency_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "caller", "key"),
    )
    op.create_table(
        "caas_inbound_webhook",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "rail", "event", "reference"),
    )
    op.create_table(
        "caas_journal",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "key", name="caas_journal_key"),
    )
    op.create_index("caas_journal_loan", "caas_journal", ["tenant_id", "loan_id"], unique=False)
    op.create_table(
        "caas_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=True),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("caas_outbox_due", "caas_outbox", ["available_at", "id"], unique=False)
    op.create_table(
        "caas_payment",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("external_reference", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rail_code", sa.String(), nullable=True),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("penalty_minor", sa.BigInteger(), nullable=False),
        sa.Column("overpaid_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "rail", "external_reference", name="caas_payment_reference"),
    )
    op.create_index("caas_payment_loan", "caas_payment", ["tenant_id", "loan_id", "id"], unique=False)
    op.create_index(
        "caas_payment_one_disbursement",
        "caas_payment",
        ["tenant_id", "loan_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'disbursement'"),
    )
    op.create_table(
        "caas_provider",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("company_name", sa.String(), nullable=False),
        sa.Column("business_email", sa.String(), nullable=False),
        sa.Column("contact_person", sa.String(), nullable=False),
        sa.Column("registration_number", sa.String(), nullable=False),
        sa.Column("business_type", sa.String(), nullable=False),
        sa.Column("registration_country", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("licenses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("license_expires_on", sa.Date(), nullable=False),
        sa.Column("minimum_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("maximum_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.String(), nullable=False),
        sa.Column("rate_minimum_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("rate_maximum_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("countries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currencies", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("webhook_url", sa.String(), nullable=False),
        sa.Column("webhook_secret", sa.String(), nullable=False),
        sa.Column("api_endpoints", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("auth_method", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "registration_number", name="caas_provider_registration"),
    )
    op.create_table(
        "caas_rail_address",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "address"),
        sa.UniqueConstraint("address", name="caas_rail_address_once"),
    )
    op.create_table(
        "caas_tenant",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("bidding_window_hours", sa.Integer(), nullable=False),
        sa.Column("cooling_off_days", sa.Integer(), nullable=False),
        sa.Column("lead_disclosure", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "caas_verified_user",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_event_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
    )
    op.create_table(
        "caas_application",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("applicant_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.String(), nullable=True),
        sa.Column("requested_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("tenure_days", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beneficiary_account_number", sa.String(), nullable=True),
        sa.Column("beneficiary_bank_code", sa.String(), nullable=True),
        sa.Column("identity_verified", sa.Boolean(), nullable=True),
        sa.Column("identity_reference", sa.String(), nullable=True),
        sa.Column("screening_list_version", sa.String(), nullable=True),
        sa.Column("pre_assessed", sa.Boolean(), nullable=False),
        sa.Column("credit_score", sa.Integer(), nullable=True),
        sa.Column("risk_rating", sa.String(), nullable=True),
        sa.Column("recommended_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("recommended_tenure_days", sa.Integer(), nullable=True),
        sa.Column("recommended_rate_percent", sa.Numeric(precision=14, scale=6), nullable=True),
        sa.Column("debt_to_income_ratio", sa.Numeric(precision=14, scale=6), nullable=True),
        sa.Column("reason_codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("bids_close_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offers_expire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cooling_off_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loan_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "applicant_id"],
            ["caas_applicant.tenant_id", "caas_applicant.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "lead_id", name="caas_application_lead"),
    )
    op.create_index("caas_application_status", "caas_application", ["tenant_id", "status", "id"], unique=False)
    op.create_table(
        "caas_entry",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("journal_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "journal_id"],
            ["caas_journal.tenant_id", "caas_journal.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "journal_id", "line"),
    )
    op.create_table(
        "caas_lead_grant",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("provider_name", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("expected_response_hours", sa.Float(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["caas_application.tenant_id", "caas_application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["caas_provider.tenant_id", "caas_provider.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "application_id", "provider_id"),
    )
    op.create_index("caas_lead_grant_lead", "caas_lead_grant", ["tenant_id", "lead_id"], unique=False)
    op.create_index("caas_lead_grant_record", "caas_lead_grant", ["tenant_id", "granted_at"], unique=False)
    op.create_table(
        "caas_loan",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("offer_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("annual_rate_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("apr_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("installments", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.String(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("day_count", sa.String(), nullable=False),
        sa.Column("processing_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("disbursed_on", sa.Date(), nullable=False),
        sa.Column("account_number", sa.String(), nullable=True),
        sa.Column("account_bank", sa.String(), nullable=True),
        sa.Column("outstanding_minor", sa.BigInteger(), nullable=False),
        sa.Column("overpaid_minor", sa.BigInteger(), nullable=False),
        sa.Column("next_due_on", sa.Date(), nullable=True),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("delinquency_bucket", sa.String(), nullable=False),
        sa.Column("ifrs_stage", sa.Integer(), nullable=False),
        sa.Column("in_collection", sa.Boolean(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("clock_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["caas_application.tenant_id", "caas_application.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "application_id", name="caas_loan_application"),
    )
    op.create_index("caas_loan_status", "caas_loan", ["tenant_id", "status", "id"], unique=False)
    op.create_table(
        "caas_offer",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("provider_name", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("annual_rate_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("tenure_days", sa.Integer(), nullable=False),
        sa.Column("processing_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("installments", sa.Integer(), nullable=False),
        sa.Column("installment_minor", sa.BigInteger(), nullable=False),
        sa.Column("apr_percent", sa.Numeric(precision=14, scale=6), nullable=False),
        sa.Column("apr_method", sa.String(), nullable=False),
        sa.Column("finance_charge_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_repayable_minor", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("custom_data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["caas_application.tenant_id", "caas_application.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_offer_application", "caas_offer", ["tenant_id", "application_id", "rank"], unique=False)
    op.create_index(
        "caas_offer_one_accepted",
        "caas_offer",
        ["tenant_id", "application_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('accepted', 'funded')"),
    )
    op.create_table(
        "caas_installment",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("penalty_minor", sa.BigInteger(), nullable=False),
        sa.Column("principal_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("penalty_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "loan_id"],
            ["caas_loan.tenant_id", "caas_loan.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "loan_id", "number"),
    )
    _raise_walls()
    _seal_the_books()


def downgrade() -> None:
    for table in (*reversed(TENANT_TABLES), "caas_outbox"):
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    for function in ("caas_refuse_change", "caas_check_journal", "caas_current_tenant"):
        op.execute(f"DROP FUNCTION IF EXISTS {function} CASCADE")


def _raise_walls() -> None:
    """Force row-level security on every table: a transaction sees the rows of the tenant it names, and no others.

    After a transaction that set it, the setting is an empty string and not NULL, hence the NULLIF.
    """
    op.execute("""
        CREATE FUNCTION caas_current_tenant() RETURNS text LANGUAGE sql STABLE
        AS $$ SELECT NULLIF(current_setting('app.tenant_id', true), '') $$
    """)
    op.execute("GRANT USAGE ON SCHEMA public TO caas_app, caas_relay")
    for table in (*TENANT_TABLES, "caas_outbox"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY {table}_tenant ON {table} TO caas_app, caas_relay
            USING (tenant_id = (SELECT caas_current_tenant())) WITH CHECK (tenant_id = (SELECT caas_current_tenant()))
        """)
    for table in TENANT_TABLES:
        rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE"
        op.execute(f"GRANT {rights} ON {table} TO caas_app")
    op.execute("GRANT DELETE ON caas_idempotency_key TO caas_app")
    op.execute("GRANT SELECT, INSERT ON caas_outbox TO caas_app")
    # A caller that holds a key, or a rail that names an account, is not yet known to belong to a tenant. Each sees the
    # one row it can name, and nothing else.
    op.execute("""
        CREATE POLICY caas_api_key_holder ON caas_api_key FOR SELECT TO caas_app
        USING (key_hash = NULLIF(current_setting('app.api_key_hash', true), ''))
    """)
    op.execute("""
        CREATE POLICY caas_rail_address_known ON caas_rail_address FOR SELECT TO caas_app
        USING (address = NULLIF(current_setting('app.rail_address', true), ''))
    """)
    # The relay serves every tenant, and of their rows it sees the outbox only; a message it must send it opens as that
    # message's tenant.
    op.execute("CREATE POLICY caas_outbox_relay ON caas_outbox TO caas_relay USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, UPDATE, DELETE ON caas_outbox TO caas_relay")
    op.execute("GRANT SELECT, UPDATE ON caas_delivery TO caas_relay")
    op.execute("GRANT SELECT ON caas_provider TO caas_relay")


def _seal_the_books() -> None:
    """Events and the ledger are append-only, and a journal that does not sum to zero cannot be committed."""
    op.execute("""
        CREATE FUNCTION caas_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: correct it by adding to it', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION caas_refuse_change()
        """)
    op.execute("""
        CREATE FUNCTION caas_check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE difference numeric;
        BEGIN
            SELECT sum(amount_minor) INTO difference FROM caas_entry
            WHERE tenant_id = NEW.tenant_id AND journal_id = NEW.journal_id;
            IF difference <> 0 THEN
                RAISE EXCEPTION 'journal % is out of balance by % minor units', NEW.journal_id, difference
                USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER caas_entry_balanced AFTER INSERT ON caas_entry DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION caas_check_journal()
    """)
