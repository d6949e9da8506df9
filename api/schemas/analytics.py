"""A provider's record in the owner's shapes. Every denominator is in the description, and in docs/glossary.md."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.values import Identifier, In, Number, Out

Share = Annotated[float | None, Field(description="In percent; null of nothing.")]
Hours = Annotated[float | None, Field(description="In hours, from the invitation to the answer that counts.")]


class PeriodOut(Out):
    """Leads received on these days, UTC, both included; what became of them counts whenever it happened."""

    start_date: date
    end_date: date


class IntervalOut(Out):
    """Wilson's interval, 95 %: where the true share lies, however few the leads."""

    low: float
    high: float


class MetricsOut(Out):
    leads_received: int
    leads_processed: int = Field(description="Of the received: answered in time.")
    leads_approved: int = Field(description="Of the processed: approved.")
    leads_accepted: int = Field(description="Of the approved: the borrower accepted this provider's offer.")
    leads_funded: int = Field(description="Of the accepted: paid out, and not returned by the rail.")
    conversion_rate: Share = Field(description="leadsFunded of leadsReceived, in percent.")
    conversion_interval: IntervalOut | None
    response_rate: Share = Field(description="leadsProcessed of leadsReceived, in percent.")
    approval_rate: Share = Field(description="leadsApproved of leadsProcessed, in percent.")
    acceptance_rate: Share = Field(description="leadsAccepted of leadsApproved, in percent.")
    average_processing_time: Hours
    processing_time_p50: Hours
    processing_time_p90: Hours
    total_disbursed_amount: Number = Field(description="Principal of the funded leads in `currency`.")
    customer_satisfaction_score: float | None = Field(description="Mean of the ratings, 1 to 5, of the funded leads.")
    ratings: int
    currency: str


class FinancialMetricsOut(Out):
    total_revenue: Number | None = Field(
        description="Interest, fees and penalties borrowers paid in the period, and processing fees kept back in it."
    )
    total_cost: Number | None = Field(description="What we charged in the period, less what we credited.")
    cost_per_lead: Number | None = Field(description="totalCost by leadsReceived.")
    revenue_per_lead: Number | None = Field(description="totalRevenue by leadsReceived.")
    profit_margin: Share = Field(description="(totalRevenue - totalCost) of totalRevenue, in percent.")
    currency: str


class PerformanceRankingOut(Out):
    overall_rank: int | None = Field(description="By the lower end of the conversion interval; equals share a rank.")
    total_providers: int | None = Field(description="Providers with a lead in the period.")
    top_percentile: float | None = Field(description="overallRank of totalProviders, in percent.")
    price_percentile: float | None = Field(
        description="In how many percent of comparisons a rival's offer for the same lead had the lower APR; "
        "0 is always the cheapest."
    )


class CohortOut(Out):
    """The leads received in one month."""

    month: date
    leads_received: int
    leads_processed: int
    leads_approved: int
    leads_accepted: int
    leads_funded: int
    conversion_rate: Share
    processing_time_p50: Hours


class UnavailableOut(Out):
    """Why a figure is null."""

    field: str
    reason: Literal["too_few_providers", "no_leads", "no_answers", "no_ratings", "no_revenue", "not_billed"]


class AnalyticsOut(Out):
    success: bool = True
    provider_id: str
    period: PeriodOut
    metrics: MetricsOut
    financial_metrics: FinancialMetricsOut
    performance_ranking: PerformanceRankingOut
    cohorts: list[CohortOut]
    unavailable: list[UnavailableOut]


class OverviewOut(Out):
    total_leads: int
    pending_leads: int = Field(description="Leads that wait for this provider's answer now, whenever received.")
    conversion_rate: Share
    monthly_revenue: Number
    average_response_time: Hours


class AmountShareOut(Out):
    range: str
    count: int
    percentage: Share


class RatingShareOut(Out):
    rating: Literal["Low", "Medium", "High", "Unrated"]
    count: int
    percentage: Share


class LeadDistributionOut(Out):
    by_amount: list[AmountShareOut]
    by_risk_rating: list[RatingShareOut]


class TrendOut(Out):
    """The figure of the last 30 days, and its change against the 30 days before."""

    current: float | None
    trend: Literal["up", "down", "flat"] | None
    change: float | None


class PerformanceMetricsOut(Out):
    approval_rate: TrendOut
    processing_time: TrendOut
    customer_satisfaction: TrendOut


class DashboardOut(Out):
    success: bool = True
    provider_id: str
    period: PeriodOut
    currency: str
    overview: OverviewOut
    lead_distribution: LeadDistributionOut
    performance_metrics: PerformanceMetricsOut


class RatingIn(In):
    score: Annotated[int, Field(strict=True, ge=1, le=5, examples=[5])]


class RatingOut(Out):
    success: bool = True
    loan_id: str
    provider_id: Identifier
    score: int
    rated_at: datetime
