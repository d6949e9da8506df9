"""The dev node as a process: its chain from the journal, served until it is told to stop."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from eth_utils.address import to_canonical_address

from contracts.dev_keys import ADDRESSES, CHAIN_ID, FUNDED_WEI
from contracts.devnode.chain import Clock, DevChain
from contracts.devnode.journal import Journal, JournalFailed
from contracts.devnode.server import RpcServer


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """Where it listens and where its blocks are kept."""

    host: str
    port: int
    journal: Path


def dev_chain(clock: Clock, journal: Journal | None = None) -> DevChain:
    """The chain of the dev accounts: what the journal says, or a new one in memory."""
    balances = {to_canonical_address(address): FUNDED_WEI for address in ADDRESSES}
    return DevChain(CHAIN_ID, balances, clock, journal)


async def serve(options: NodeOptions, clock: Clock) -> None:
    """Return when SIGTERM or SIGINT asks for it; raise when the journal cannot be written any more."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with Journal(options.journal) as journal:
        server = RpcServer(dev_chain(clock, journal))
        runner = web.AppRunner(server.app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, options.host, options.port).start()
        ends = {asyncio.create_task(event.wait()) for event in (stopping, server.halted)}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for each in ends:
            each.cancel()
        await runner.cleanup()
        if server.halted.is_set():
            raise JournalFailed(f"{options.journal} cannot be written any more: the node has stopped")
