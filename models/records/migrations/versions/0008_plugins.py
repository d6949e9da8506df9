"""Integrations of lenders that are driven by configuration."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.records.walls import append_only, wall_off

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    _plugins()
    _revisions()
    _runs()
    wall_off("caas_plugin", "SELECT, INSERT, UPDATE")
    # The relay keeps the schedules of all tenants, and sees of a plugin what that takes: nothing secret.
    op.execute("CREATE POLICY caas_plugin_relay ON caas_plugin FOR SELECT TO caas_relay USING (true)")
    op.execute(
        "GRANT SELECT (tenant_id, provider_id, name, enabled, sync_frequency, events) ON caas_plugin TO caas_relay"
    )
    wall_off("caas_plugin_revision", "SELECT, INSERT")
    append_only("caas_plugin_revision")
    wall_off("caas_plugin_run", "SELECT, INSERT, UPDATE", relay="SELECT, INSERT")
    # What a relay's transaction tells a provider is for its plugins too, and leaves work behind.
    op.execute("GRANT INSERT ON caas_outbox TO caas_relay")


def downgrade() -> None:
    for table in ("caas_plugin_run", "caas_plugin_revision", "caas_plugin"):
        op.drop_table(table)


def _plugins() -> None:
    op.create_table(
        "caas_plugin",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("sync_frequency", sa.String(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("secrets", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "provider_id", "name"),
        sa.ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
    )


def _revisions() -> None:
    op.create_table(
        "caas_plugin_revision",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "provider_id", "name", "revision"),
    )


def _runs() -> None:
    op.create_table(
        "caas_plugin_run",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("plugin_name", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=True),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("last_status_code", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("decision_outcome", sa.String(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id", "plugin_name"],
            ["caas_plugin.tenant_id", "caas_plugin.provider_id", "caas_plugin.name"],
        ),
    )
    op.create_index(
        "caas_plugin_run_status", "caas_plugin_run", ["tenant_id", "provider_id", "plugin_name", "status", "id"]
    )
