"""What providers ask and tell us over the API, and how often they may."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import wall_off

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEW_TABLES = (
    "caas_provider_message",
    "caas_lead_receipt",
    "caas_provider_notice",
    "caas_provider_status",
    "caas_loan_rating",
    "caas_rate_limit",
    "caas_rate_state",
)
_DOCUMENT = postgresql.JSONB(astext_type=sa.Text())
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _messages()
    _notices()
    _statuses()
    _limits()
    _indexes()


def downgrade() -> None:
    for index, table in (
        ("caas_payment_income", "caas_payment"),
        ("caas_loan_provider", "caas_loan"),
        ("caas_offer_chosen", "caas_offer"),
        ("caas_lead_grant_provider", "caas_lead_grant"),
    ):
        op.drop_index(index, table)
    op.execute("ALTER FUNCTION caas_current_tenant PARALLEL UNSAFE")
    op.execute("DROP FUNCTION caas_take_request")
    for table in reversed(NEW_TABLES):
        op.drop_table(table)


def _messages() -> None:
    op.create_table(
        "caas_provider_message",
        *_recorded(),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("written_in", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("told_at", _INSTANT, nullable=False),
        sa.Column("body", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "caas_provider_message_feed",
        "caas_provider_message",
        ["tenant_id", "provider_id", "written_in", "sequence"],
        unique=True,
    )
    # The relay may tell a provider, too: that its endpoint was disabled. No trigger refuses changes: a message names
    # the borrower, and the owner of the tables must be able to remove it.
    wall_off("caas_provider_message", "SELECT, INSERT", relay="SELECT, INSERT")


def _notices() -> None:
    op.create_table(
        "caas_lead_receipt",
        *_recorded(),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id", "provider_id"],
            ["caas_lead_grant.tenant_id", "caas_lead_grant.application_id", "caas_lead_grant.provider_id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "application_id", "provider_id"),
    )
    wall_off("caas_lead_receipt", "SELECT, INSERT")
    op.create_table(
        "caas_provider_notice",
        *_recorded(),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_reference", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("loan_id", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("moved_on", sa.Date(), nullable=True),
        sa.Column("differences", _DOCUMENT, nullable=False),
        sa.Column("body", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "provider_id", "external_reference", name="caas_provider_notice_reference"),
    )
    wall_off("caas_provider_notice", "SELECT, INSERT")


def _statuses() -> None:
    op.create_table(
        "caas_provider_status",
        *_recorded(),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("internal_id", sa.String(), nullable=True),
        sa.Column("internal_status", sa.String(), nullable=False),
        sa.Column("details", _DOCUMENT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "provider_id", "kind", "subject_id"),
    )
    wall_off("caas_provider_status", "SELECT, INSERT, UPDATE")
    op.create_table(
        "caas_loan_rating",
        *_recorded(),
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("rated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "loan_id"], ["caas_loan.tenant_id", "caas_loan.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "loan_id"),
    )
    wall_off("caas_loan_rating", "SELECT, INSERT")


def _limits() -> None:
    op.create_table(
        "caas_rate_limit",
        *_recorded(),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "holder"),
    )
    wall_off("caas_rate_limit", "SELECT, INSERT, UPDATE")
    op.create_table(
        "caas_rate_state",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("full_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "holder"),
        prefixes=["UNLOGGED"],
    )
    # Every request changes one row in place: room on its page keeps that off the index.
    op.execute("ALTER TABLE caas_rate_state SET (fillfactor = 20)")
    wall_off("caas_rate_state", "SELECT, INSERT, UPDATE")
    # With the rights of whoever calls it. The clock is read when the row is held, or two requests could count as one.
    op.execute("""
        CREATE FUNCTION caas_take_request(
            tenant text, caller text, standard integer,
            OUT requests_per_minute integer, OUT is_taken boolean, OUT debt_seconds double precision
        ) LANGUAGE plpgsql AS $$
        DECLARE
            spacing interval;
            is_whole_at timestamptz;
        BEGIN
            PERFORM set_config('app.tenant_id', tenant, true);
            SELECT kept.requests_per_minute INTO requests_per_minute FROM caas_rate_limit kept
            WHERE kept.tenant_id = tenant AND kept.holder = caller;
            requests_per_minute := coalesce(requests_per_minute, standard);
            spacing := interval '1 minute' / requests_per_minute;
            INSERT INTO caas_rate_state AS state (tenant_id, holder, full_at)
            VALUES (tenant, caller, clock_timestamp() + spacing)
            ON CONFLICT (tenant_id, holder) DO UPDATE
            SET full_at = greatest(state.full_at, clock_timestamp()) + spacing
            WHERE greatest(state.full_at, clock_timestamp()) + spacing <= clock_timestamp() + interval '1 minute'
            RETURNING full_at INTO is_whole_at;
            is_taken := FOUND;
            IF NOT is_taken THEN
                SELECT full_at INTO is_whole_at FROM caas_rate_state
                WHERE tenant_id = tenant AND holder = caller;
            END IF;
            debt_seconds := greatest(0, extract(epoch FROM is_whole_at - clock_timestamp()));
        END $$
    """)


def _indexes() -> None:
    """What a provider's own lists and the analytics read: his leads, his loans, and what borrowers have paid."""
    # It reads a setting, which workers of a query have too; without this no query behind a wall could use any.
    op.execute("ALTER FUNCTION caas_current_tenant PARALLEL SAFE")
    op.create_index(
        "caas_lead_grant_provider",
        "caas_lead_grant",
        ["tenant_id", "provider_id", "granted_at", "application_id"],
        postgresql_include=["answer", "answered_at"],
    )
    op.create_index(
        "caas_offer_chosen",
        "caas_offer",
        ["tenant_id", "provider_id", "application_id"],
        postgresql_where=sa.text("status IN ('accepted', 'funded', 'lapsed')"),
    )
    op.create_index("caas_loan_provider", "caas_loan", ["tenant_id", "provider_id", "application_id"])
    op.create_index(
        "caas_payment_income",
        "caas_payment",
        ["tenant_id", "received_on"],
        postgresql_where=sa.text("kind = 'repayment' AND status = 'succeeded'"),
        postgresql_include=["loan_id", "interest_minor", "fee_minor", "penalty_minor"],
    )


def _recorded() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
    )
