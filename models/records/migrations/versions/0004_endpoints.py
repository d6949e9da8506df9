"""Webhook endpoints, their secrets and every attempt to reach them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("caas_delivery_attempt", "caas_endpoint_health", "caas_endpoint_secret", "caas_endpoint")


def upgrade() -> None:
    _endpoints()
    _attempts()
    _deliveries()
    _existing_providers()
    _rights()


def downgrade() -> None:
    op.drop_index("caas_delivery_unfinished", "caas_delivery")
    op.drop_index("caas_delivery_endpoint", "caas_delivery")
    for name in ("next_attempt_at", "failures", "sequence", "event_type", "endpoint_id", "message_id"):
        op.drop_column("caas_delivery", name)
    op.drop_column("caas_outbox", "lane")
    op.execute("REVOKE INSERT ON caas_delivery, caas_outbox FROM caas_relay")
    for table in _TABLES:
        op.drop_table(table)


def _endpoints() -> None:
    op.create_table(
        "caas_endpoint",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("event_types", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fifo", sa.Boolean(), nullable=False),
        sa.Column("rate_limit_per_second", sa.Integer(), nullable=True),
        sa.Column("max_in_flight", sa.Integer(), nullable=False),
        sa.Column("schemes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_endpoint_provider", "caas_endpoint", ["tenant_id", "provider_id", "id"])
    op.create_table(
        "caas_endpoint_secret",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "endpoint_id"], ["caas_endpoint.tenant_id", "caas_endpoint.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_endpoint_secret_endpoint", "caas_endpoint_secret", ["tenant_id", "endpoint_id"])
    op.create_table(
        "caas_endpoint_health",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breaker", sa.String(), nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id", "endpoint_id"], ["caas_endpoint.tenant_id", "caas_endpoint.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "endpoint_id"),
    )


def _attempts() -> None:
    op.create_table(
        "caas_delivery_attempt",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("excerpt", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("caas_delivery_attempt_delivery", "caas_delivery_attempt", ["tenant_id", "delivery_id"])


def _deliveries() -> None:
    """A delivery is a message on its way to one endpoint; mail has none, and is its own message."""
    op.add_column("caas_outbox", sa.Column("lane", sa.String(), nullable=True))
    op.create_index("caas_outbox_lane", "caas_outbox", ["lane"])
    op.add_column("caas_delivery", sa.Column("message_id", sa.String(), nullable=True))
    op.add_column("caas_delivery", sa.Column("endpoint_id", sa.String(), nullable=True))
    op.add_column("caas_delivery", sa.Column("event_type", sa.String(), nullable=True))
    op.add_column("caas_delivery", sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.add_column("caas_delivery", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.alter_column("caas_delivery", "failures", server_default=None)
    op.add_column("caas_delivery", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("caas_delivery_endpoint", "caas_delivery", ["tenant_id", "endpoint_id", "sequence"])
    op.create_index(
        "caas_delivery_unfinished",
        "caas_delivery",
        ["tenant_id", "endpoint_id", "sequence"],
        postgresql_where=sa.text("status IN ('pending', 'retrying')"),
    )


def _rights() -> None:
    """The relay opens a message, with what it needs to sign and judge it, as that message's tenant.

    It adds messages of its own when it switches an endpoint off: somebody must be told.
    """
    wall_off("caas_endpoint", "SELECT, INSERT, UPDATE", relay="SELECT, UPDATE")
    wall_off("caas_endpoint_secret", "SELECT, INSERT, UPDATE", relay="SELECT")
    wall_off("caas_endpoint_health", "SELECT, INSERT, UPDATE", relay="SELECT, INSERT, UPDATE")
    wall_off("caas_delivery_attempt", "SELECT, INSERT", relay="SELECT, INSERT")
    append_only("caas_delivery_attempt")
    op.execute("GRANT INSERT ON caas_delivery, caas_outbox TO caas_relay")


def _existing_providers() -> None:
    """Everyone registered so far goes on as before, through an endpoint of its own.

    The walls bind the owner too, so they come down for it while it looks at the rows of all tenants.
    """
    for table in ("caas_provider", "caas_delivery"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO caas_endpoint (tenant_id, id, provider_id, url, description, event_types, enabled, fifo,
                                   max_in_flight, schemes)
        SELECT tenant_id, 'ep_' || left(md5(tenant_id || id), 26), id, webhook_url, 'Given at registration', '[]', true,
               false, 5, '["v1"]'
        FROM caas_provider
    """)
    op.execute("""
        INSERT INTO caas_endpoint_secret (tenant_id, id, endpoint_id, scheme, secret)
        SELECT tenant_id, 'eps_' || left(md5(tenant_id || id), 26), 'ep_' || left(md5(tenant_id || id), 26), 'v1',
               webhook_secret
        FROM caas_provider
    """)
    op.execute("UPDATE caas_delivery SET message_id = id")
    op.execute("""
        UPDATE caas_delivery SET endpoint_id = e.id, event_type = subject FROM caas_endpoint e
        WHERE channel = 'webhook' AND e.tenant_id = caas_delivery.tenant_id AND e.provider_id = recipient
    """)
    for table in ("caas_provider", "caas_delivery"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
