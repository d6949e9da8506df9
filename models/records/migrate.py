"""Bringing a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

MIGRATIONS = Path(__file__).parent / "migrations"
_ROLES = ("caas_app", "caas_relay")


def upgrade(owner_url: str, *, app_password: str, relay_password: str) -> None:
    """Create the two roles row-level security holds, then run every migration, as the owner of the tables."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        # Two processes that migrate at once would both create what is missing.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('caas_migrations'))"))
        for role, password in zip(_ROLES, (app_password, relay_password), strict=True):
            if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
                # Neither superuser nor BYPASSRLS: that is what a new role is, and a plain owner may not even name them.
                connection.execute(text(f"CREATE ROLE {role} LOGIN"))
            quoted = connection.execute(text("SELECT quote_literal(:password)"), {"password": password}).scalar_one()
            connection.execute(text(f"ALTER ROLE {role} PASSWORD {quoted}".replace(":", r"\:")))
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
