"""The embedded stack, whole: what starts, what stops, what is still there afterwards."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest
from temporalio.client import WorkflowExecutionStatus

from temporal.client import connect
from temporal.settings import TemporalSettings
from workers.embedded.errors import AlreadyRunning, ChildDied, WrongVersion
from workers.embedded.settings import throwaway
from workers.stack import Stack


async def test_a_stack_started_again_resumes_what_was_alive(tmp_path: Path) -> None:
    said: list[str] = []
    async with Stack(throwaway(tmp_path), services=("sandbox",), report=said.append) as stack:
        first_urls = stack.database_urls
        await run(stack, "CREATE TABLE kept AS SELECT 25000 AS amount")
        client = await connect(TemporalSettings(address=stack.temporal_address))
        await client.start_workflow("Loan", id="loan/1", task_queue="nobody-polls")
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{stack.sandbox_url}/health")).status_code == httpx2.codes.OK

    assert said[-3:] == ["stopping sandbox", "stopping temporal", "stopping postgres"]

    async with Stack(throwaway(tmp_path), services=()) as stack:
        client = await connect(TemporalSettings(address=stack.temporal_address))
        loan = await client.get_workflow_handle("loan/1").describe()

        assert stack.database_urls == first_urls
        assert await run(stack, "SELECT amount FROM kept") == (25000,)
        assert loan.status == WorkflowExecutionStatus.RUNNING


async def test_the_engine_comes_back_after_a_kill(tmp_path: Path) -> None:
    async with Stack(throwaway(tmp_path), services=()) as stack:
        await run(stack, "CREATE TABLE kept AS SELECT 25000 AS amount")
        assert (stack.chain, stack.environment["CAAS_CHAIN_RPC_URL"]) == (None, "")  # nobody pays for what is not asked

        for part in ("postgres", "temporal"):
            await stack.kill(part)
            await stack.start(part)

        assert await run(stack, "SELECT amount FROM kept") == (25000,)


async def test_a_state_directory_has_one_stack(tmp_path: Path) -> None:
    async with Stack(throwaway(tmp_path), services=()):
        with pytest.raises(AlreadyRunning, match="a stack already runs on"):
            async with Stack(throwaway(tmp_path), services=()):
                pass


async def test_a_part_that_dies_while_starting_ends_the_start_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAAS_SANDBOX_SETTLE_AFTER_SECONDS", "soon")

    with pytest.raises(ChildDied, match=r"(?s)sandbox exited with 1; .*settle_after_seconds") as death:
        async with Stack(throwaway(tmp_path), services=("sandbox",)):
            pass

    assert death.value.log == tmp_path / "logs" / "sandbox.log"
    assert list((tmp_path / "run").glob("*.pid")) == []


async def test_a_part_that_dies_later_is_noticed_by_who_watches(tmp_path: Path) -> None:
    async with Stack(throwaway(tmp_path), services=()) as stack:
        os.kill(json.loads((tmp_path / "run" / "temporal.pid").read_text())["pid"], signal.SIGKILL)

        with pytest.raises(ChildDied, match="temporal was killed by SIGKILL"):
            await asyncio.wait_for(stack.watch(), 10)


async def test_data_of_another_major_version_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("16\n")

    with pytest.raises(WrongVersion, match="was made by PostgreSQL 16 and this is 18"):
        async with Stack(throwaway(tmp_path), services=()):
            pass


async def run(stack: Stack, statement: LiteralString) -> tuple[object, ...] | None:
    url = stack.database_urls.owner.replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        result = await connection.execute(statement)
        return await result.fetchone() if result.description else None
