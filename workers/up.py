"""`caas up`: the stack, running until Ctrl-C, and where to look meanwhile."""

import asyncio
import signal

from rich.console import Console

from workers.stack import Stack
from workers.tenants import new_key

TENANT = "Sandbox"


async def serve(console: Console) -> None:
    """Start, show, watch; a part that dies ends it all, by name."""
    cancel_on(signal.SIGTERM, signal.SIGHUP)
    async with Stack(report=lambda event: console.print(event, style="dim", markup=False, highlight=False)) as stack:
        show(console, links(stack, await sandbox_key(stack)))
        console.print("Ctrl-C stops everything; the loans go on when it is started again.")
        await stack.watch()


def cancel_on(*signals: signal.Signals) -> None:
    """Let these end the task as Ctrl-C does, so that everything is stopped in order."""
    if task := asyncio.current_task():
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def sandbox_key(stack: Stack) -> str:
    """A key is shown once and stored hashed; this one is kept beside the state, so that `up` can show it every time."""
    if (key := stack.secrets.get("sandbox_api_key")) is None:
        key = await new_key(stack.database_urls.app, TENANT)
        stack.secrets["sandbox_api_key"] = key
    return key


def show(console: Console, links: dict[str, str]) -> None:
    """One line each, never folded: they are there to be clicked and copied."""
    for name, value in links.items():
        console.print(f"{name:<21}", style="bold", end="")
        console.print(value, markup=False, soft_wrap=True)


def links(stack: Stack, api_key: str) -> dict[str, str]:
    return {
        "API": stack.api_url,
        "API documentation": f"{stack.api_url}/docs",
        "API key (sandbox)": api_key,
        "Temporal UI": stack.temporal_ui_url,
        "Sandbox world": stack.sandbox_url,
        "Mailbox": f"{stack.sandbox_url}/mailbox",
        "Worker metrics": f"{stack.metrics_url}/metrics",
        "Database": stack.database_urls.app,
        **chain_links(stack),
        "Logs": str(stack.state_dir / "logs"),
    }


def chain_links(stack: Stack) -> dict[str, str]:
    """The node and our contracts on its chain, when there is one."""
    if stack.chain is None:
        return {}
    from contracts.addresses import AddressBook  # noqa: PLC0415 - slow to import, and nothing waits for it now

    return {"Chain RPC": stack.chain.rpc_url, **AddressBook.read(stack.chain.addresses).contracts}
