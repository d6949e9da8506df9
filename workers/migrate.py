"""Bring the database to the newest schema, and its two roles to the passwords their URLs carry."""

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

from models.records.migrate import upgrade
from workers.embedded.postgres import DatabaseUrls


class MigrationSettings(BaseSettings):
    """The owner migrates; the application and the relay only ever use what they are granted."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    owner_database_url: str = "postgresql+psycopg://caas_owner@127.0.0.1:5432/caas"
    database_url: str = "postgresql+psycopg://caas_app@127.0.0.1:5432/caas"
    relay_database_url: str = "postgresql+psycopg://caas_relay@127.0.0.1:5432/caas"

    def urls(self) -> DatabaseUrls:
        return DatabaseUrls(self.owner_database_url, self.database_url, self.relay_database_url)


class PasswordMissing(ValueError):
    """The migration gives the roles their passwords, so it must know them."""

    def __init__(self, url: str) -> None:
        super().__init__(f"no password in the database URL {url}")


def migrate(urls: DatabaseUrls) -> None:
    upgrade(urls.owner, app_password=password_in(urls.app), relay_password=password_in(urls.relay))


def password_in(url: str) -> str:
    password = make_url(url).password
    if not password:
        raise PasswordMissing(url)
    return password
