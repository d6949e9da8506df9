"""Which chain the database has read: loans that are on one chain must not meet another under the same number."""

import asyncio
from pathlib import Path

import psycopg

from contracts.rpc import chain_id_of, genesis_of
from workers.embedded.errors import ChainForgotten

_FIRST_READ = "SELECT genesis FROM caas_chain_cursor WHERE chain_id = %s"


async def require_chain_of_loans(state_dir: Path, relay_database_url: str, rpc_url: str) -> None:
    """Raise `ChainForgotten` when the node shows another chain than the one that was read before."""
    chain_id, shown = await chain_id_of(rpc_url), await genesis_of(rpc_url)
    read = await asyncio.to_thread(_read_before, relay_database_url, chain_id)
    if read not in {None, shown}:
        raise ChainForgotten(state_dir, read, rpc_url, shown)


def _read_before(relay_database_url: str, chain_id: int) -> str | None:
    """The hash of the first block of the chain with this number; None when none was read."""
    with psycopg.connect(relay_database_url.replace("postgresql+psycopg://", "postgresql://")) as connection:
        row = connection.execute(_FIRST_READ, (chain_id,)).fetchone()
    return None if row is None else str(row[0])
