"""A provider's record and dashboard, in the owner's shapes; a figure that cannot be told is null and says why."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from api.analytics_queries import Asked, Counts, Period
from api.provider_costs import charged_minor
from api.schemas.analytics import (
    AmountShareOut,
    AnalyticsOut,
    CohortOut,
    DashboardOut,
    FinancialMetricsOut,
    IntervalOut,
    LeadDistributionOut,
    MetricsOut,
    OverviewOut,
    PerformanceMetricsOut,
    PerformanceRankingOut,
    PeriodOut,
    RatingShareOut,
    TrendOut,
    UnavailableOut,
)
from api.schemas.values import Number, money, number
from models.analytics import Trend, percent_of, place_of, trend, wilson
from models.errors import Refused
from models.money import exponent_of, major_units
from models.records.providers import Provider

_LONGEST = timedelta(days=5 * 366)
_WINDOW = timedelta(days=30)
# In thousands of the provider's currency: where the owner's ranges end.
_ENDS = (10, 25, 50)
_RATINGS = (("Low", "low"), ("Medium", "medium"), ("High", "high"), ("Unrated", None))


class InvalidPeriod(Refused):
    """The days name no period, or one that is too long."""


def period_of(first: date | None, last: date | None, *, today: date) -> Period:
    """The days asked for; the last 30 when none are."""
    last = last or today
    first = first or last - _WINDOW + timedelta(days=1)
    if first > last:
        raise InvalidPeriod("The period ends before it begins.", "from")
    if last - first > _LONGEST:
        raise InvalidPeriod("A period has at most five years.", "from")
    return Period(first, last)


async def analytics_of(session: AsyncSession, provider: Provider, period: Period) -> AnalyticsOut:
    """The record of a period."""
    asked = Asked(session, provider.id, provider.amount_currency, period)
    total, months = await asked.record()
    place = place_of(provider.id, await asked.peers())
    ranking = PerformanceRankingOut(
        overall_rank=place.rank if place else None,
        total_providers=place.of if place else None,
        top_percentile=place.top_percent if place else None,
        price_percentile=await asked.price_percentile(),
    )
    charged = await charged_minor(session, provider.id, asked.currency, period.start, period.end)
    financial = _financial(total.received, await asked.income_minor(), charged, asked.currency)
    return AnalyticsOut(
        provider_id=provider.id,
        period=_period_out(period),
        metrics=_metrics(total, asked.currency),
        financial_metrics=financial,
        performance_ranking=ranking,
        cohorts=[_cohort(month) for month in months],
        unavailable=_unavailable(total, financial, ranking),
    )


async def dashboard_of(session: AsyncSession, provider: Provider, *, today: date) -> DashboardOut:
    """The last 30 days, and how they compare with the 30 before."""
    period = period_of(None, None, today=today)
    asked = Asked(session, provider.id, provider.amount_currency, period)
    now, _ = await asked.record()
    earlier = Period(period.first - _WINDOW, period.first - timedelta(days=1))
    before, _ = await Asked(session, provider.id, asked.currency, earlier).record()
    return DashboardOut(
        provider_id=provider.id,
        period=_period_out(period),
        currency=asked.currency,
        overview=OverviewOut(
            total_leads=now.received,
            pending_leads=await asked.pending(),
            conversion_rate=percent_of(now.funded, now.received),
            monthly_revenue=money(await asked.income_minor(), asked.currency),
            average_response_time=now.mean_hours,
        ),
        lead_distribution=await _distribution(asked, now.received),
        performance_metrics=PerformanceMetricsOut(
            approval_rate=_trend_out(trend(_approval_rate(now), _approval_rate(before))),
            processing_time=_trend_out(trend(now.mean_hours, before.mean_hours)),
            customer_satisfaction=_trend_out(trend(now.satisfaction, before.satisfaction)),
        ),
    )


def today_utc() -> date:
    """The day it is."""
    return datetime.now(UTC).date()


def _metrics(total: Counts, currency: str) -> MetricsOut:
    interval = wilson(total.funded, total.received)
    return MetricsOut(
        leads_received=total.received,
        leads_processed=total.processed,
        leads_approved=total.approved,
        leads_accepted=total.accepted,
        leads_funded=total.funded,
        conversion_rate=percent_of(total.funded, total.received),
        conversion_interval=IntervalOut(low=interval.low, high=interval.high) if interval else None,
        response_rate=percent_of(total.processed, total.received),
        approval_rate=_approval_rate(total),
        acceptance_rate=percent_of(total.accepted, total.approved),
        average_processing_time=total.mean_hours,
        processing_time_p50=total.p50_hours,
        processing_time_p90=total.p90_hours,
        total_disbursed_amount=money(total.disbursed_minor, currency),
        customer_satisfaction_score=total.satisfaction,
        ratings=total.ratings,
        currency=currency,
    )


def _financial(received: int, income_minor: int, charged: int | None, currency: str) -> FinancialMetricsOut:
    def by_lead(minor: int | None) -> Number | None:
        if minor is None or not received:
            return None
        return number(round(major_units(minor, currency) / received, exponent_of(currency)))

    return FinancialMetricsOut(
        total_revenue=money(income_minor, currency),
        total_cost=None if charged is None else money(charged, currency),
        cost_per_lead=by_lead(charged),
        revenue_per_lead=by_lead(income_minor),
        profit_margin=None if charged is None else percent_of(income_minor - charged, income_minor),
        currency=currency,
    )


def _unavailable(total: Counts, financial: FinancialMetricsOut, ranking: PerformanceRankingOut) -> list[UnavailableOut]:
    """Each figure that is null, with the reason that is nearest."""
    reasons: list[tuple[str, object, str]] = [
        ("metrics.conversionRate", percent_of(total.funded, total.received), "no_leads"),
        ("metrics.averageProcessingTime", total.mean_hours, "no_answers"),
        ("metrics.customerSatisfactionScore", total.satisfaction, "no_ratings"),
        ("financialMetrics.totalCost", financial.total_cost, "not_billed"),
        ("financialMetrics.costPerLead", financial.cost_per_lead, _cost_reason(financial)),
        ("financialMetrics.revenuePerLead", financial.revenue_per_lead, "no_leads"),
        ("financialMetrics.profitMargin", financial.profit_margin, _margin_reason(financial)),
        ("performanceRanking.overallRank", ranking.overall_rank, "too_few_providers" if total.received else "no_leads"),
        ("performanceRanking.pricePercentile", ranking.price_percentile, "too_few_providers"),
    ]
    return [UnavailableOut(field=field, reason=reason) for field, shown, reason in reasons if shown is None]  # type: ignore[arg-type]


def _cost_reason(financial: FinancialMetricsOut) -> str:
    return "not_billed" if financial.total_cost is None else "no_leads"


def _margin_reason(financial: FinancialMetricsOut) -> str:
    return "not_billed" if financial.total_cost is None else "no_revenue"


def _cohort(month: Counts) -> CohortOut:
    assert month.month is not None, "only the total has no month"
    return CohortOut(
        month=month.month,
        leads_received=month.received,
        leads_processed=month.processed,
        leads_approved=month.approved,
        leads_accepted=month.accepted,
        leads_funded=month.funded,
        conversion_rate=percent_of(month.funded, month.received),
        processing_time_p50=month.p50_hours,
    )


async def _distribution(asked: Asked, total: int) -> LeadDistributionOut:
    scale = 10 ** exponent_of(asked.currency) * 1000
    rows = await asked.distribution([end * scale for end in _ENDS])
    by_amount = [sum(count for at, _, count in rows if at == place) for place in range(len(_ENDS) + 1)]
    by_rating = {name: sum(count for _, rating, count in rows if rating == value) for name, value in _RATINGS}
    return LeadDistributionOut(
        by_amount=[
            AmountShareOut(range=label, count=count, percentage=percent_of(count, total))
            for label, count in zip(_ranges(asked.currency), by_amount, strict=True)
        ],
        by_risk_rating=[
            RatingShareOut(rating=name, count=count, percentage=percent_of(count, total))  # type: ignore[arg-type]
            for name, count in by_rating.items()
        ],
    )


def _ranges(currency: str) -> list[str]:
    sign = "$" if currency == "USD" else f"{currency} "
    ends = ["0", *(f"{end}K" for end in _ENDS)]
    return [f"{sign}{low}-{sign}{high}" for low, high in pairwise(ends)] + [f"{sign}{ends[-1]}+"]


def _approval_rate(counts: Counts) -> float | None:
    return percent_of(counts.approved, counts.processed)


def _trend_out(moved: Trend) -> TrendOut:
    return TrendOut(current=moved.current, trend=moved.direction, change=moved.change)


def _period_out(period: Period) -> PeriodOut:
    return PeriodOut(start_date=period.first, end_date=period.last)
