"""What the event rows say of a provider: one statement a question, over all its leads of a period at once.

Row-level security adds the tenant to every table. A lead belongs to the period in which it was received, and what
became of it counts whenever it happened: a cohort does not change its size, only its fate.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.analytics import SMALLEST_CELL, Standing, percent_of

# A query of a few hundred milliseconds gains nothing from being compiled first, its rows fit into memory, and an index
# is not far away on a disk without an arm.
_AT_EASE = text("""
    SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true),
        set_config('random_page_cost', '1.1', true)
""")
LATEST_OFFERS = 5_000

_RECORD = text("""
    SELECT
        CAST(date_trunc('month', g.granted_at AT TIME ZONE 'UTC') AS date) AS month,
        count(*) AS received,
        count(g.answered_at) AS processed,
        count(*) FILTER (WHERE g.answer IN ('approved', 'counter_offer')) AS approved,
        count(chosen.application_id) AS accepted,
        count(l.id) AS funded,
        coalesce(sum(l.principal_minor) FILTER (WHERE l.currency = :currency), 0) AS disbursed_minor,
        avg(r.score) AS satisfaction,
        count(r.score) AS ratings,
        avg(extract(epoch FROM g.answered_at - g.granted_at)) / 3600 AS mean_hours,
        percentile_cont(ARRAY[0.5, 0.9])
            WITHIN GROUP (ORDER BY CAST(extract(epoch FROM g.answered_at - g.granted_at) / 3600 AS float8)) AS hours
    FROM caas_lead_grant g
    LEFT JOIN (
        SELECT DISTINCT application_id FROM caas_offer
        WHERE provider_id = :provider_id AND status IN ('accepted', 'funded', 'lapsed')
    ) chosen ON chosen.application_id = g.application_id
    LEFT JOIN caas_loan l
        ON l.application_id = g.application_id AND l.provider_id = :provider_id AND l.status <> 'cancelled'
    LEFT JOIN caas_loan_rating r ON r.loan_id = l.id
    WHERE g.provider_id = :provider_id AND g.granted_at >= :start AND g.granted_at < :end
    GROUP BY GROUPING SETS ((), (1))
    ORDER BY 1 NULLS FIRST
""")

_PEERS = text("""
    SELECT g.provider_id, count(*) AS received, count(l.id) AS funded
    FROM caas_lead_grant g
    LEFT JOIN caas_loan l
        ON l.application_id = g.application_id AND l.provider_id = g.provider_id AND l.status <> 'cancelled'
    WHERE g.granted_at >= :start AND g.granted_at < :end
    GROUP BY 1
""")

# Offers that stood when the window closed; one that was taken back or bid over is no price. The latest will do: of
# 5,000 offers a percentile is known to 1.4 points, and asking about more of them costs every time and tells little.
_PRICES = text("""
    WITH own AS MATERIALIZED (
        SELECT application_id, provider_id, apr_percent FROM caas_offer
        WHERE provider_id = :provider_id AND received_at >= :start AND received_at < :end
            AND status NOT IN ('withdrawn', 'superseded')
        ORDER BY received_at DESC
        LIMIT :at_most
    ), compared AS (
        SELECT
            rival.provider_id,
            count(*) AS comparisons,
            count(*) FILTER (WHERE rival.apr_percent < own.apr_percent)
                + count(*) FILTER (WHERE rival.apr_percent = own.apr_percent) / 2.0 AS cheaper
        FROM own JOIN caas_offer rival ON rival.application_id = own.application_id
        WHERE rival.provider_id <> own.provider_id AND rival.status NOT IN ('withdrawn', 'superseded')
        GROUP BY 1
    )
    SELECT count(*), coalesce(sum(comparisons), 0), coalesce(sum(cheaper), 0) FROM compared
""")

_INCOME = text("""
    SELECT
        (SELECT coalesce(sum(p.interest_minor + p.fee_minor + p.penalty_minor), 0)
            FROM caas_payment p JOIN caas_loan l ON l.id = p.loan_id
            WHERE p.kind = 'repayment' AND p.status = 'succeeded' AND p.received_on BETWEEN :first AND :last
                AND l.provider_id = :provider_id AND l.currency = :currency)
        + (SELECT coalesce(sum(processing_fee_minor), 0) FROM caas_loan
            WHERE provider_id = :provider_id AND currency = :currency AND status <> 'cancelled'
                AND disbursed_on BETWEEN :first AND :last)
""")

_PENDING = text("""
    SELECT count(*) FROM caas_application a
    JOIN caas_lead_grant g ON g.application_id = a.id AND g.provider_id = :provider_id
    WHERE a.status = 'bidding' AND g.answered_at IS NULL AND NOT EXISTS (
        SELECT FROM caas_decision d
        WHERE d.provider_id = g.provider_id AND d.lead_id = g.lead_id AND d.refused_because IS NULL
          AND d.body ->> 'decision' <> 'need_information'
    )
""")

_DISTRIBUTION = text("""
    SELECT
        CASE WHEN a.currency = :currency THEN width_bucket(a.requested_amount_minor, CAST(:limits AS bigint[])) END,
        a.risk_rating,
        count(*)
    FROM caas_lead_grant g JOIN caas_application a ON a.id = g.application_id
    WHERE g.provider_id = :provider_id AND g.granted_at >= :start AND g.granted_at < :end
    GROUP BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class Period:
    """Days of UTC, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first moment that is not in it any more."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


@dataclass(frozen=True, slots=True)
class Counts:
    """The leads of a period or of one month of it, and what became of them."""

    month: date | None
    received: int
    processed: int
    approved: int
    accepted: int
    funded: int
    disbursed_minor: int
    satisfaction: float | None
    ratings: int
    mean_hours: float | None
    p50_hours: float | None
    p90_hours: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One provider, in its currency, in one period."""

    session: AsyncSession
    provider_id: str
    currency: str
    period: Period

    async def record(self) -> tuple[Counts, list[Counts]]:
        """The whole period, and its months."""
        await self.session.execute(_AT_EASE)
        rows = await self.session.execute(_RECORD, self._values(currency=self.currency))
        total, *months = [_counts(row) for row in rows]
        return total, months

    async def peers(self) -> list[Standing]:
        """Every provider that received a lead in the period."""
        found = await self.session.execute(_PEERS, self._moments())
        return [Standing(provider_id, received, funded) for provider_id, received, funded in found]

    async def price_percentile(self) -> float | None:
        """How often a rival was cheaper; None where too few rivals bid for the same leads."""
        rivals, comparisons, cheaper = (await self.session.execute(_PRICES, self._values(at_most=LATEST_OFFERS))).one()
        return percent_of(float(cheaper), int(comparisons)) if rivals + 1 >= SMALLEST_CELL else None

    async def income_minor(self) -> int:
        """What borrowers have paid for their credit, and what was kept back for it."""
        days = {"first": self.period.first, "last": self.period.last}
        wanted = {"provider_id": self.provider_id, "currency": self.currency} | days
        return int((await self.session.execute(_INCOME, wanted)).scalar_one())

    async def pending(self) -> int:
        """Leads that wait for this provider now."""
        return int((await self.session.execute(_PENDING, {"provider_id": self.provider_id})).scalar_one())

    async def distribution(self, limits: list[int]) -> list[tuple[int | None, str | None, int]]:
        """How many leads between which amounts (None in another currency) and of which risk."""
        values = self._values(currency=self.currency, limits=limits)
        return [(bucket, rating, count) for bucket, rating, count in await self.session.execute(_DISTRIBUTION, values)]

    def _moments(self) -> dict[str, object]:
        return {"start": self.period.start, "end": self.period.end}

    def _values(self, **more: object) -> dict[str, object]:
        return self._moments() | {"provider_id": self.provider_id} | more


def _counts(row: Row[Any]) -> Counts:
    p50, p90 = row.hours or (None, None)
    return Counts(
        month=row.month,
        received=row.received,
        processed=row.processed,
        approved=row.approved,
        accepted=row.accepted,
        funded=row.funded,
        disbursed_minor=int(row.disbursed_minor),
        satisfaction=_rounded(row.satisfaction),
        ratings=row.ratings,
        mean_hours=_rounded(row.mean_hours),
        p50_hours=_rounded(p50),
        p90_hours=_rounded(p90),
    )


def _rounded(measured: float | Decimal | None) -> float | None:
    return None if measured is None else round(float(measured), 2)
