"""`caas bench engine`: what the arithmetic does on one core, and how fast a business day closes over many loans.

Schedules and replays are counted in processor time of this process, which is one core; the close of business in elapsed
time, because it is PostgreSQL that works. A naive annuity of `Decimal`s, the floor to beat, runs in the same minute.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from activities.close_of_business import BusinessDay, CloseOfBusiness
from models.allocation import InAdvance, RepaymentPolicy
from models.amortization import schedule_for
from models.records.database import Database
from models.replay import replay
from models.terms import LoanTerms
from models.transactions import Transaction, TransactionKind
from workers.bench.portfolio import TENANT, copy, lend, live_through
from workers.embedded.ports import any_free
from workers.embedded.postgres import SUPERUSER, Postgres
from workers.embedded.secrets import Secrets
from workers.migrate import migrate

_DISBURSED_ON = date(2026, 1, 31)
_ROUNDS = 5
_SECONDS_PER_ROUND = 0.5
_CENT = Decimal("0.01")
LOANS = (1_000, 10_000, 100_000)
HISTORY_DAYS = 700
_DAYS_CLOSED = 3
_REPLAYED = 2_400


@dataclass(frozen=True, slots=True)
class Measured:
    """How often something was done in a second, round by round."""

    name: str
    per_second: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.per_second)


async def run(loans: tuple[int, ...] = LOANS) -> None:
    """Measure and print."""
    console = Console()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring", total=7 + len(loans))
        pure = []
        for name, work in _PURE.items():
            pure.append(rate_of(name, work))
            progress.advance(bar)
        closed = []
        async with _database() as (database, settle):
            await lend(database, disbursed_on=_DISBURSED_ON)
            async for measured in _closed_days(database, loans, settle):
                closed.append(measured)
                progress.advance(bar)
    console.print(_table("one core, per second", pure))
    console.print(_table("close of business, loans per second", closed))
    seconds = median(_seconds_of(_backdated) for _ in range(3))
    console.print(f"one loan with {_REPLAYED} back-dated transactions replays in {seconds:.2f} s")


def rate_of(name: str, work: Callable[[], int], *, rounds: int = _ROUNDS) -> Measured:
    """Repeat `work`, which says how much it did, in rounds of half a second of processor time."""
    work()
    rates = []
    for _ in range(rounds):
        done, started = 0, process_time()
        while (spent := process_time() - started) < _SECONDS_PER_ROUND:
            done += work()
        rates.append(done / spent)
    return Measured(name, tuple(rates))


def naive_annuity(principal: Decimal, annual_rate_percent: Decimal, count: int) -> list[tuple[Decimal, Decimal]]:
    """The rule of the published schedules as anyone would write it down: no dates, no terms, no checks."""
    rate = annual_rate_percent / 1200
    growth, factor = Decimal(1), Decimal(0)
    for _ in range(count):
        growth *= 1 + rate
        factor = 1 + factor * (1 + rate)
    installment = (principal * growth / factor).quantize(_CENT, ROUND_HALF_EVEN)
    rows, balance = [], principal
    for number in range(1, count + 1):
        interest = (balance * rate).quantize(_CENT, ROUND_HALF_EVEN)
        part = balance if number == count else installment - interest
        balance -= part
        rows.append((part, interest))
    return rows


def _terms(count: int) -> LoanTerms:
    return LoanTerms(25_000_00, "USD", Decimal("7.5"), count)


def _schedules(count: int) -> Callable[[], int]:
    terms = _terms(count)

    def work() -> int:
        schedule_for(terms, disbursed_on=_DISBURSED_ON)
        return 1

    return work


def _naive(count: int) -> Callable[[], int]:
    def work() -> int:
        naive_annuity(Decimal(25_000), Decimal("7.5"), count)
        return 1

    return work


def _history(count: int, *, every_days: int, amount_minor: int) -> list[Transaction]:
    paid_out = Transaction("paid out", TransactionKind.DISBURSEMENT, _DISBURSED_ON, 25_000_00)
    return [paid_out] + [
        Transaction(
            f"payment {number}",
            TransactionKind.REPAYMENT,
            _DISBURSED_ON + timedelta(days=number * every_days),
            amount_minor,
        )
        for number in range(1, count + 1)
    ]


def _events(policy: RepaymentPolicy) -> Callable[[], int]:
    terms, history = _terms(12), _history(24, every_days=15, amount_minor=1_085_00)

    def work() -> int:
        replay(terms, policy, history, on=_DISBURSED_ON + timedelta(days=365))
        return len(history)

    return work


def _backdated() -> None:
    """Ten years of small payments, every one recorded before the ones it comes after."""
    paid_out, *payments = _history(_REPLAYED, every_days=1, amount_minor=10_00)
    history = [paid_out, *reversed(payments)]
    replay(_terms(120), _KEPT, history, on=payments[-1].on)


_KEPT = RepaymentPolicy(in_advance=InAdvance.NEXT_INSTALLMENT)
_RECALCULATED = RepaymentPolicy(in_advance=InAdvance.NEXT_INSTALLMENT, recalculates_interest=True)
_PURE: dict[str, Callable[[], int]] = {
    "schedules of 12 installments": _schedules(12),
    "... by a naive annuity": _naive(12),
    "schedules of 360 installments": _schedules(360),
    "... by a naive annuity, 360": _naive(360),
    "events replayed": _events(_KEPT),
    "... with interest recalculated": _events(_RECALCULATED),
}


def _seconds_of(work: Callable[[], None]) -> float:
    started = process_time()
    work()
    return process_time() - started


async def _closed_days(
    database: Database, loans: tuple[int, ...], settle: Callable[[], Awaitable[None]]
) -> AsyncIterator[Measured]:
    """Close some days over more and more loans; the first number of loans once more after a long history."""
    written, day = 1, _DISBURSED_ON
    for number in loans:
        await copy(database, first=written, last=number - 1)
        await settle()
        written, day = number, day + timedelta(days=1)
        yield await _closing(f"{number:,} loans", database, number, day)
        day += timedelta(days=_DAYS_CLOSED)
        if number == loans[0]:
            await live_through(database, days=HISTORY_DAYS, until=day)
            await settle()
            yield await _closing(f"{number:,} loans after {HISTORY_DAYS} days of journals", database, number, day)
            day += timedelta(days=_DAYS_CLOSED)


async def _closing(name: str, database: Database, loans: int, first: date) -> Measured:
    closing, rates = CloseOfBusiness(database), []
    for offset in range(_DAYS_CLOSED):
        through, started = BusinessDay(TENANT, first + timedelta(days=offset)), perf_counter()
        while opened := await closing.next_day(through):
            for part in opened.partitions:
                await closing.close_partition(part)
            await closing.complete(opened.day)
        rates.append(loans / (perf_counter() - started))
    return Measured(name, tuple(rates))


@asynccontextmanager
async def _database() -> AsyncIterator[tuple[Database, Callable[[], Awaitable[None]]]]:
    """A PostgreSQL of its own, thrown away afterward, and what makes it as calm as one that grew over the years."""
    with tempfile.TemporaryDirectory() as state:
        server = Postgres(Path(state), any_free(), Secrets(Path(state) / "secrets.json"), throwaway=True)
        child = await server.start()
        migrate(server.urls())
        database = Database(server.urls().app)

        async def settle() -> None:
            url = server.url(SUPERUSER, driver="postgresql")
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute("VACUUM ANALYZE")
                await connection.execute("CHECKPOINT")

        try:
            yield database, settle
        finally:
            await database.close()
            await child.stop()


def _table(title: str, rows: list[Measured]) -> Table:
    table = Table("", "median", "lowest", "highest", title=title, title_justify="left")
    for row in rows:
        table.add_row(
            row.name, *(f"{figure:,.0f}" for figure in (row.median, min(row.per_second), max(row.per_second)))
        )
    return table
