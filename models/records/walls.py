"""What every migration that makes a table says of it: whose rows they are, and that what is written stays."""

from alembic import op


def wall_off(table: str, rights: str, *, relay: str = "") -> None:
    """Force row-level security on a new table, as on every other, and give the application and the relay rights."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY {table}_tenant ON {table} TO caas_app, caas_relay
        USING (tenant_id = (SELECT caas_current_tenant())) WITH CHECK (tenant_id = (SELECT caas_current_tenant()))
    """)
    op.execute(f"GRANT {rights} ON {table} TO caas_app")
    if relay:
        op.execute(f"GRANT {relay} ON {table} TO caas_relay")


def append_only(table: str) -> None:
    """Refuse every change of what is written, whoever asks."""
    op.execute(f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION caas_refuse_change()
    """)
