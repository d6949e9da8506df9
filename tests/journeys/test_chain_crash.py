"""Processes that write loans to a chain kill themselves at every step of it, and each operation is there once.

The moments are random; the seed is printed, and `CAAS_CRASH_SEED` repeats it.
"""

import os
from pathlib import Path
from random import SystemRandom

import pytest

from workers.bench.chain import Load, on_node
from workers.embedded.anvil import anvil
from workers.embedded.postgres import DatabaseUrls
from workers.embedded.settings import ChainChoice

OPERATIONS = 60


@pytest.fixture
def seed() -> int:
    chosen = int(os.environ.get("CAAS_CRASH_SEED", SystemRandom().randrange(10**6)))
    print(f"CAAS_CRASH_SEED={chosen}")  # noqa: T201 - shown when the test fails
    return chosen


@pytest.mark.parametrize("kind", [ChainChoice.BUILTIN, ChainChoice.ANVIL])
async def test_each_operation_is_on_the_chain_once_however_often_its_writers_die(
    kind: ChainChoice, database: DatabaseUrls, tmp_path: Path, seed: int
) -> None:
    if kind is ChainChoice.ANVIL and anvil() is None:
        assert not os.environ.get("CAAS_REQUIRE_ANVIL"), "anvil is required here, and there is none"
        pytest.skip("there is no anvil")

    outcome = await on_node(kind, tmp_path, database, Load(OPERATIONS, crashes=True, seed=seed))

    print(outcome)  # noqa: T201 - shown when the test fails
    assert outcome.deaths, "nobody was killed"
    assert (outcome.proof.events, outcome.proof.reverted) == (OPERATIONS, 0)
