"""Loans per second through disbursement, and what one loan costs in Temporal by phase."""

import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx2
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from temporalio.client import Client

from temporal.client import connect
from temporal.cost import Cost, cost_by_phase, cost_of
from temporal.settings import TemporalSettings
from workers.bench.bare import QUEUE, bare_rate
from workers.demo.bodies import application, registration
from workers.embedded.settings import throwaway
from workers.platform import Platform, SandboxWorld, until
from workers.stack import Stack
from workers.tenants import new_key

LOANS = 60
AT_ONCE = 12
# A platform would be told by webhook; one that asks often would measure its own questions.
LOOK_EVERY_SECONDS = 1.0
ROUNDS = 3
INSTALLMENTS = 3

_LENDERS = {
    "firstcredit": {"kind": "offer", "interestRate": 7.5, "processingFee": 500},
    "quickloan": {"kind": "offer", "interestRate": 8.2, "processingFee": 300},
    "harbor": {"kind": "offer", "interestRate": 9.1, "processingFee": 100},
}
_APPLICATION_PHASES = {
    "Identity.verify": "underwriting",
    "Underwriting.underwrite": "distribution and bidding",
    "Auctions.close": "offers",
    "Offers.accept": "acceptance",
    "Disbursements.send": "disbursement",
}
_LOAN_PHASES = {"Servicing.open_account": "opening the loan", "Servicing.remind": "installments"}


async def run(loans: int = LOANS, at_once: int = AT_ONCE, rounds: int = ROUNDS) -> None:
    """Measure and print; the loans and the bare workflows take turns, so that both see the same machine."""
    console = Console()
    with tempfile.TemporaryDirectory() as state, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring", total=2 * rounds + 1)
        async with (
            Stack(throwaway(Path(state))) as stack,
            httpx2.AsyncClient(timeout=60, trust_env=False) as http,
            _bare_process(stack) as client,
        ):
            platform = Platform(http, stack.api_url, await new_key(stack.database_urls.app, "Benchmark"))
            world = SandboxWorld(http, stack.sandbox_url, stack.api_url)
            await _register(platform, world)
            loan_id = await _one_loan(platform)
            per_phase = await _costs(client, platform, world, loan_id)
            activities = sum(
                cost.activities for phase, cost in per_phase.items() if phase in _APPLICATION_PHASES.values()
            )
            progress.advance(bar)
            whole, bare = [], []
            used: Counter[str] = Counter()
            for _ in range(rounds):
                before = stack.cpu_seconds()
                whole.append(await _loan_rate(platform, loans, at_once))
                used.update({name: after - before[name] for name, after in stack.cpu_seconds().items()})
                progress.advance(bar)
                rate = bare_rate(client, QUEUE, workflows=loans, activities=activities, at_once=at_once)
                bare.append(await rate)
                progress.advance(bar)
    _show(console, per_phase, whole, bare, activities)
    _show_cpu(console, used, loans * rounds)


async def _register(platform: Platform, world: SandboxWorld) -> None:
    today = datetime.now(UTC).date()
    for slug, behavior in _LENDERS.items():
        body = registration(slug.title(), f"BC-1-{slug}", world.webhook_url(slug), today=today)
        await world.instruct(slug, await platform.register(body), behavior)


async def _one_loan(platform: Platform) -> str:
    """From application to disbursement, as a borrower would go; the loan's id."""
    application_id = await platform.apply(application())
    await platform.reaches(application_id, "offered", every=LOOK_EVERY_SECONDS)
    best = (await platform.offers(application_id))[0]
    loan_id = (await platform.accept(application_id, best["offerId"]))["loanId"]
    await platform.reaches(application_id, "disbursed", every=LOOK_EVERY_SECONDS)
    return str(loan_id)


async def _loan_rate(platform: Platform, loans: int, at_once: int) -> float:
    gate = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with gate:
            await _one_loan(platform)

    started = perf_counter()
    await asyncio.gather(*(one() for _ in range(loans)))
    return loans / (perf_counter() - started)


async def _costs(client: Client, platform: Platform, world: SandboxWorld, loan_id: str) -> dict[str, Cost]:
    loan = await until(lambda: _opened(platform, loan_id), seconds=30, what="the loan's account")
    history = await client.get_workflow_handle(f"application/{loan['applicationId']}").fetch_history()
    costs = cost_by_phase(history.events, _APPLICATION_PHASES)
    costs["underwriting"] += costs.pop("start", Cost())
    for number in range(INSTALLMENTS):
        await _pay_on_time(platform, world, loan_id, number)
    loan_history = await client.get_workflow_handle(f"loan/{loan_id}").fetch_history()
    opening = cost_by_phase(loan_history.events, _LOAN_PHASES)
    costs["opening the loan"] = opening["opening the loan"] + opening["start"]
    spent = cost_of(loan_history.events)
    costs["each installment on time"] = Cost(
        (spent.events - costs["opening the loan"].events) // INSTALLMENTS,
        -(-(spent.actions - costs["opening the loan"].actions) // INSTALLMENTS),
        (spent.activities - costs["opening the loan"].activities) // INSTALLMENTS,
    )
    return costs


async def _opened(platform: Platform, loan_id: str) -> dict[str, object] | None:
    loan = await platform.loan(loan_id)
    return loan if loan["repaymentAccount"] else None


async def _pay_on_time(platform: Platform, world: SandboxWorld, loan_id: str, number: int) -> None:
    loan = await platform.loan(loan_id)
    row = loan["schedule"][number]
    due = datetime.fromisoformat(f"{row['dueOn']}T00:00:00+00:00")
    hours = (due - datetime.fromisoformat(loan["clockAt"])).total_seconds() / 3600 - 12
    now = await platform.advance(loan_id, hours=max(round(hours), 1))
    await world.deposit(
        loan["repaymentAccount"]["accountNumber"], round(row["total"] * 100), now, f"bench-{loan_id}-{number}"
    )

    async def settled() -> bool:
        return bool((await platform.loan(loan_id))["schedule"][number]["status"] == "paid")

    await until(settled, seconds=30, what="the installment to be paid")


@asynccontextmanager
async def _bare_process(stack: Stack) -> AsyncIterator[Client]:
    """The bare worker in a process of its own, as ours is, so that both have the same share of the machine."""
    settings = TemporalSettings(address=stack.temporal_address)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.bench", env=os.environ | stack.environment
    )
    try:
        yield await connect(settings)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), timedelta(seconds=10).total_seconds())


def _show(console: Console, costs: dict[str, Cost], whole: list[float], bare: list[float], activities: int) -> None:
    table = Table(
        "phase", "actions", "history events", "activities", title="One loan in Temporal", title_justify="left"
    )
    for phase, cost in costs.items():
        table.add_row(phase, str(cost.actions), str(cost.events), str(cost.activities))
    through = [cost for phase, cost in costs.items() if phase in _APPLICATION_PHASES.values()]
    total = sum(through, Cost())
    table.add_row("[bold]through disbursement[/]", str(total.actions), str(total.events), str(total.activities))
    console.print(table)
    ratio = median(ours / theirs for ours, theirs in zip(whole, bare, strict=True))
    console.print(f"loans through disbursement per second: {median(whole):.2f}  ({_listed(whole)})")
    console.print(f"bare workflows of {activities} empty activities per second: {median(bare):.2f}  ({_listed(bare)})")
    console.print(f"[bold]ratio, median of the paired rounds: {ratio:.2f}[/]")


def _show_cpu(console: Console, used: Counter[str], loans: int) -> None:
    parts = ", ".join(f"{name} {1000 * seconds / loans:.0f}" for name, seconds in used.most_common())
    console.print(f"processor time of a loan through disbursement, ms: {parts}")


def _listed(rates: list[float]) -> str:
    return ", ".join(f"{rate:.2f}" for rate in rates)
