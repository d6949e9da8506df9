"""`caas bench analytics`: how long a provider waits for its figures in a marketplace with a million invitations."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from api.analytics import analytics_of, dashboard_of
from api.analytics_queries import Period
from api.provider_leads import Wanted, leads_of
from models.records.database import Database
from models.records.providers import Provider
from workers.bench.market import BUSIEST, DAYS, FIRST_DAY, INVITED, TENANT, make_market
from workers.embedded.ports import any_free
from workers.embedded.postgres import SUPERUSER, Postgres
from workers.embedded.secrets import Secrets
from workers.migrate import migrate

APPLICATIONS = 125_000
_ROUNDS = 9
_LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
_USUAL = "provider_02"

Question = Callable[[AsyncSession, Provider], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Waited:
    """How long one question took, round by round, in seconds."""

    question: str
    provider_id: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.seconds)


async def run(applications: int = APPLICATIONS, *, rounds: int = _ROUNDS) -> list[Waited]:
    """Make the marketplace, ask, print."""
    console = Console()
    async with _scratch() as (database, superuser):
        started = perf_counter()
        invitations = await make_market(superuser, applications=applications)
        console.print(
            f"{invitations:,} invitations to {applications:,} leads, made in {perf_counter() - started:.0f} s"
        )
        waited = [
            await _asked(database, name, question, provider_id, rounds)
            for provider_id in (BUSIEST, _USUAL)
            for name, question in _QUESTIONS.items()
        ]
    console.print(_table(waited))
    return waited


async def _asked(database: Database, name: str, question: Question, provider_id: str, rounds: int) -> Waited:
    seconds = []
    for _ in range(rounds + 1):
        started = perf_counter()
        async with database.transaction(TENANT) as session:
            await question(session, await session.get_one(Provider, (TENANT, provider_id)))
        seconds.append(perf_counter() - started)
    # The first one warms what a server that has been up for a day has warm.
    return Waited(name, provider_id, tuple(seconds[1:]))


def _analytics(first: date, last: date) -> Question:
    async def ask(session: AsyncSession, provider: Provider) -> object:
        return await analytics_of(session, provider, Period(first, last))

    return ask


async def _dashboard(session: AsyncSession, provider: Provider) -> object:
    return await dashboard_of(session, provider, today=_LAST_DAY)


async def _page(session: AsyncSession, provider: Provider) -> object:
    return (await session.execute(leads_of(provider.id, Wanted(status="won")).limit(51))).all()


_QUESTIONS: dict[str, Question] = {
    "analytics, the whole year": _analytics(FIRST_DAY, _LAST_DAY),
    "analytics, one month": _analytics(date(2026, 6, 1), date(2026, 6, 30)),
    "dashboard": _dashboard,
    "50 leads that were won": _page,
}


@asynccontextmanager
async def _scratch() -> AsyncIterator[tuple[Database, str]]:
    """A PostgreSQL of its own, thrown away afterward, and how its superuser is reached."""
    with tempfile.TemporaryDirectory() as state:
        server = Postgres(Path(state), any_free(), Secrets(Path(state) / "secrets.json"), throwaway=True)
        child = await server.start()
        migrate(server.urls())
        database = Database(server.urls().app)
        try:
            yield database, server.url(SUPERUSER, driver="postgresql")
        finally:
            await database.close()
            await child.stop()


def _table(waited: list[Waited]) -> Table:
    table = Table(
        "", "leads of it", "median ms", "lowest", "highest", title="how long a provider waits", title_justify="left"
    )
    for row in waited:
        share = "all" if row.provider_id == BUSIEST else f"{INVITED - 1} of 24"
        figures = (row.median, min(row.seconds), max(row.seconds))
        table.add_row(row.question, share, *(f"{1000 * figure:,.0f}" for figure in figures))
    return table
