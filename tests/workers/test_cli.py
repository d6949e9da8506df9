"""The command line, as a user meets it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from workers.embedded.lock import locked
from workers.embedded.postgres import DatabaseUrls
from workers.migrate import MigrationSettings, PasswordMissing, migrate


async def caas(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers.cli",
        *arguments,
        env=dict(os.environ) | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_help_names_every_command() -> None:
    code, output = await caas("--help")

    assert code == 0
    assert all(
        command in output for command in ("up", "demo", "api", "worker", "sandbox", "migrate", "tenant", "bench")
    )


async def test_trouble_with_the_stack_is_one_sentence_and_a_failure(tmp_path: Path) -> None:
    with locked(tmp_path):
        code, output = await caas("up", CAAS_STATE_DIR=str(tmp_path), COLUMNS="400")

    assert code == 1
    assert output.strip() == (
        f"a stack already runs on {tmp_path} (process {os.getpid()}): stop it, or choose another CAAS_STATE_DIR"
    )


async def test_a_database_that_is_away_is_one_sentence_and_a_failure() -> None:
    code, output = await caas(
        "tenant", "create", "X", CAAS_DATABASE_URL="postgresql+psycopg://caas_app@127.0.0.1:1/caas"
    )

    assert (code, len(output.splitlines())) == (1, 1)
    assert "CAAS_DATABASE_URL" in output


async def test_an_unknown_command_is_a_failure() -> None:
    code, output = await caas("down")

    assert code == 2
    assert "No such command 'down'" in output


def test_the_urls_of_the_environment_are_the_ones_migrated() -> None:
    settings = MigrationSettings(owner_database_url="a", database_url="b", relay_database_url="c")

    assert settings.urls() == DatabaseUrls(owner="a", app="b", relay="c")


def test_a_migration_needs_the_passwords_of_the_roles_it_makes() -> None:
    without = "postgresql+psycopg://caas_app@127.0.0.1/caas"

    with pytest.raises(PasswordMissing, match=f"no password in the database URL {without}".replace("+", r"\+")):
        migrate(DatabaseUrls(owner=without, app=without, relay=without))


async def test_a_tenant_is_given_another_key_beside_the_one_it_has(database: DatabaseUrls) -> None:
    _, first = await caas("tenant", "create", "Platform", CAAS_DATABASE_URL=database.app)

    code, second = await caas("tenant", "key", CAAS_DATABASE_URL=database.app, CAAS_API_KEY=first.strip())
    unknown, sentence = await caas("tenant", "key", CAAS_DATABASE_URL=database.app, CAAS_API_KEY="caas_test_sk_none")

    assert (code, second.strip()[:13], second == first) == (0, "caas_test_sk_", False)
    assert (unknown, sentence.strip()) == (1, "No tenant holds this key.")
