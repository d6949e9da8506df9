"""A provider's figures: each with its denominator, by its cohort, and no rival to be worked out from them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from models.loan import LoanStatus
from models.offer import OfferStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.applications import Application
from models.records.database import new_id
from models.records.leads import LeadGrant
from models.records.payments import Payment
from tests.api.lenders import Lender, lender
from tests.api.rows import granted
from tests.api.worlds import Body, World

JUNE, JULY = datetime(2026, 6, 10, 8, tzinfo=UTC), datetime(2026, 7, 20, 8, tzinfo=UTC)
SUMMER = {"from": "2026-06-01", "to": "2026-07-31"}


async def _lead(own: Lender, at: datetime, *, hours: float | None = None, answer: str = "approved") -> Body:
    """A lead received at a moment, and answered so many hours later."""
    submitted = await own.invited()
    await _answered(own, submitted, at, hours=hours, answer=answer)
    return submitted


async def _answered(own: Lender, submitted: Body, at: datetime, *, hours: float | None, answer: str) -> None:
    columns: Body = {"granted_at": at}
    if hours is not None:
        columns |= {"answer": answer, "answered_at": at + timedelta(hours=hours)}
    await own.world.change(
        lambda session: session.execute(
            update(LeadGrant)
            .where(LeadGrant.application_id == submitted["applicationId"], LeadGrant.provider_id == own.id)  # type: ignore[arg-type]
            .values(columns)
        )
    )


async def _figures(own: Lender, **params: Any) -> Body:
    answer = await own.get("/analytics", **(SUMMER | params))
    assert answer.status_code == 200, answer.text
    figures: Body = answer.json()
    return figures


def _reasons(figures: Body) -> dict[str, str]:
    return {each["field"]: each["reason"] for each in figures["unavailable"]}


@pytest.fixture
async def own(world: World) -> Lender:
    return await lender(world)


async def test_each_share_is_of_its_own_whole(own: Lender) -> None:
    await _lead(own, JUNE)
    await _lead(own, JUNE, hours=2, answer="declined")
    await own.offers(await _lead(own, JULY, hours=4), OfferStatus.NOT_SELECTED)
    await own.wins(await _lead(own, JULY, hours=6))
    await _lead(own, datetime(2026, 8, 1, tzinfo=UTC), hours=100)
    await _lead(own, datetime(2026, 5, 31, 23, 59, tzinfo=UTC), hours=100)

    figures = await _figures(own)

    assert figures["period"] == {"startDate": "2026-06-01", "endDate": "2026-07-31"}
    assert figures["metrics"] == {
        "leadsReceived": 4,
        "leadsProcessed": 3,
        "leadsApproved": 2,
        "leadsAccepted": 1,
        "leadsFunded": 1,
        "conversionRate": 25.0,
        "conversionInterval": {"low": 4.6, "high": 69.9},
        "responseRate": 75.0,
        "approvalRate": 66.7,
        "acceptanceRate": 50.0,
        "averageProcessingTime": 4.0,
        "processingTimeP50": 4.0,
        "processingTimeP90": 5.6,
        "totalDisbursedAmount": 25000,
        "customerSatisfactionScore": None,
        "ratings": 0,
        "currency": "USD",
    }
    assert [(c["month"], c["leadsReceived"], c["leadsFunded"], c["conversionRate"]) for c in figures["cohorts"]] == [
        ("2026-06-01", 2, 0, 0.0),
        ("2026-07-01", 2, 1, 50.0),
    ]


async def test_a_loan_whose_money_came_back_was_not_funded(own: Lender) -> None:
    await own.wins(await _lead(own, JULY, hours=6), status=LoanStatus.CANCELLED)

    metrics = (await _figures(own))["metrics"]

    assert (metrics["leadsAccepted"], metrics["leadsFunded"], metrics["totalDisbursedAmount"]) == (1, 0, 0)


async def test_without_a_lead_nothing_is_invented(own: Lender) -> None:
    figures = await _figures(own)

    assert figures["metrics"]["conversionRate"] is None
    assert figures["cohorts"] == []
    assert _reasons(figures) | {"financialMetrics.totalCost": "", "financialMetrics.costPerLead": ""} == {
        "metrics.conversionRate": "no_leads",
        "metrics.averageProcessingTime": "no_answers",
        "metrics.customerSatisfactionScore": "no_ratings",
        "financialMetrics.totalCost": "",
        "financialMetrics.costPerLead": "",
        "financialMetrics.revenuePerLead": "no_leads",
        "financialMetrics.profitMargin": _reasons(figures)["financialMetrics.profitMargin"],
        "performanceRanking.overallRank": "no_leads",
        "performanceRanking.pricePercentile": "too_few_providers",
    }


async def test_revenue_is_what_borrowers_have_paid_and_what_was_kept_back(
    own: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def charged(*_: object) -> int:
        return 125_00

    monkeypatch.setattr("api.analytics.charged_minor", charged)
    loan = await own.wins(await _lead(own, JULY, hours=6), disbursed_on=date(2026, 7, 21))
    await _lead(own, JULY)
    inside, outside, undone = date(2026, 7, 31), date(2026, 8, 1), date(2026, 7, 30)
    await own.world.add(
        _repayment(loan.tenant_id, loan.id, inside, PaymentStatus.SUCCEEDED),
        _repayment(loan.tenant_id, loan.id, outside, PaymentStatus.SUCCEEDED),
        _repayment(loan.tenant_id, loan.id, undone, PaymentStatus.REVERSED),
    )

    assert (await _figures(own))["financialMetrics"] == {
        "totalRevenue": 500,
        "totalCost": 125,
        "costPerLead": 62.5,
        "revenuePerLead": 250,
        "profitMargin": 75.0,
        "currency": "USD",
    }


def _repayment(tenant_id: str, loan_id: str, received_on: date, status: PaymentStatus) -> Payment:
    """200.00 of income, and 2,000.00 that are the provider's own money coming back."""
    reference = new_id("ref")
    return Payment(
        tenant_id=tenant_id,
        id=new_id("pay"),
        loan_id=loan_id,
        kind=PaymentKind.REPAYMENT,
        status=status,
        method="bank_transfer",
        rail="paystack",
        external_reference=reference,
        amount_minor=2_200_00,
        currency="USD",
        received_on=received_on,
        principal_minor=2_000_00,
        interest_minor=170_00,
        fee_minor=20_00,
        penalty_minor=10_00,
    )


async def _market(own: Lender, peers: int) -> list[Lender]:
    """So many others, each with one lead of the summer that came to nothing."""
    others = [await lender(own.world, f"R-{number + 2}") for number in range(peers)]
    for other in others:
        await _lead(other, JULY)
    return others


async def test_a_rank_is_told_among_five_and_not_among_four(own: Lender) -> None:
    await own.wins(await _lead(own, JULY, hours=6))
    others = await _market(own, 3)
    among_four = await _figures(own)

    await _lead(await lender(own.world, "R-9"), JULY)
    among_five = await _figures(own)

    assert among_four["performanceRanking"]["overallRank"] is None
    assert among_four["performanceRanking"]["totalProviders"] is None
    assert _reasons(among_four)["performanceRanking.overallRank"] == "too_few_providers"
    ranking = among_five["performanceRanking"]
    assert (ranking["overallRank"], ranking["totalProviders"], ranking["topPercentile"]) == (1, 5, 20.0)
    assert (await _figures(others[0]))["performanceRanking"]["overallRank"] == 2


async def test_a_price_is_compared_on_the_same_leads_with_four_rivals_at_least(own: Lender) -> None:
    submitted = await _lead(own, JULY, hours=1)
    await own.offers(submitted, apr_percent=Decimal(10), received_at=JULY)
    aprs = [Decimal(9), Decimal(10), Decimal(11), Decimal(12)]
    rivals = [await lender(own.world, f"R-{number + 2}") for number in range(len(aprs))]

    for rival, apr in zip(rivals[:3], aprs, strict=False):
        await _bids(rival, submitted, apr)
    assert (await _figures(own))["performanceRanking"]["pricePercentile"] is None

    await _bids(rivals[3], submitted, aprs[3])
    await rivals[0].offers(submitted, OfferStatus.SUPERSEDED, apr_percent=Decimal(1))
    # One is cheaper, one the same, which counts half.
    assert (await _figures(own))["performanceRanking"]["pricePercentile"] == 37.5


async def _bids(rival: Lender, submitted: Body, apr: Decimal) -> None:
    await granted(rival.world, submitted, rival.credentials)
    await _answered(rival, submitted, JULY, hours=1, answer="approved")
    await rival.offers(submitted, apr_percent=apr)


async def test_the_platform_sees_every_provider_and_a_provider_only_itself(own: Lender) -> None:
    other = await lender(own.world, "R-2")

    for path in ("/analytics", "/dashboard"):
        assert (await own.world.get(f"/api/v1/providers/{own.id}{path}")).status_code == 200
        assert (await other.get(path, of=own.id)).status_code == 404
        assert (await own.world.get(f"/api/v1/providers/provider_nobody{path}")).status_code == 404


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "2026-07-02", "to": "2026-07-01"}, "from"),
        ({"from": "2016-07-02"}, "from"),
        ({"from": "July"}, "from"),
        ({"to": "2026-02-30"}, "to"),
    ],
)
async def test_a_period_that_is_none_is_named(own: Lender, params: Body, field: str) -> None:
    answer = await own.get("/analytics", **params)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_the_dashboard_is_the_last_thirty_days_against_the_thirty_before(own: Lender) -> None:
    now = datetime.now(UTC)
    await _lead(own, now - timedelta(days=45), hours=5)
    await _lead(own, now - timedelta(days=40), hours=5, answer="declined")
    large = await _lead(own, now - timedelta(days=5))
    await _lead(own, now - timedelta(days=4), hours=3)
    loan = await own.wins(await _lead(own, now - timedelta(days=3), hours=5), disbursed_on=now.date())
    await own.world.post(f"/api/loans/{loan.id}/rating", {"score": 4})
    await own.world.change(
        lambda session: session.execute(
            update(Application)
            .where(Application.id == large["applicationId"])
            .values(requested_amount_minor=5_000_000, risk_rating="low")
        )
    )

    board = (await own.get("/dashboard")).json()

    assert board["overview"] == {
        "totalLeads": 3,
        "pendingLeads": 1,
        "conversionRate": 33.3,
        "monthlyRevenue": 300,
        "averageResponseTime": 4.0,
    }
    assert board["leadDistribution"]["byAmount"] == [
        {"range": "$0-$10K", "count": 0, "percentage": 0.0},
        {"range": "$10K-$25K", "count": 0, "percentage": 0.0},
        {"range": "$25K-$50K", "count": 2, "percentage": 66.7},
        {"range": "$50K+", "count": 1, "percentage": 33.3},
    ]
    assert board["leadDistribution"]["byRiskRating"] == [
        {"rating": "Low", "count": 1, "percentage": 33.3},
        {"rating": "Medium", "count": 0, "percentage": 0.0},
        {"rating": "High", "count": 0, "percentage": 0.0},
        {"rating": "Unrated", "count": 2, "percentage": 66.7},
    ]
    assert board["performanceMetrics"] == {
        "approvalRate": {"current": 100.0, "trend": "up", "change": 50.0},
        "processingTime": {"current": 4.0, "trend": "down", "change": -1.0},
        "customerSatisfaction": {"current": 4.0, "trend": None, "change": None},
    }


async def test_a_loan_is_rated_once(own: Lender) -> None:
    loan = await own.wins(await _lead(own, JULY, hours=6))
    path = f"/api/loans/{loan.id}/rating"

    answers = [await own.world.post(path, {"score": score}) for score in (5, 5, 1)]

    assert [answer.status_code for answer in answers] == [201, 200, 409]
    assert answers[2].json()["code"] == "already_rated"
    assert (await _figures(own))["metrics"]["customerSatisfactionScore"] == 5.0


@pytest.mark.parametrize("score", [0, 6, 4.5, "good", None, True])
async def test_a_rating_is_one_to_five(own: Lender, score: object) -> None:
    answer = await own.world.post("/api/loans/loan_1/rating", {"score": score})

    assert (answer.status_code, answer.json()["field"]) == (422, "score")


async def test_only_the_platform_rates_and_only_what_it_has_lent(own: Lender) -> None:
    loan = await own.wins(await _lead(own, JULY, hours=6))
    key = {"authorization": f"Bearer {own.credentials['apiKey']}"}

    by_provider = await own.world.http.post(f"/api/loans/{loan.id}/rating", json={"score": 5}, headers=key)
    of_nothing = await own.world.post("/api/loans/loan_nobody/rating", {"score": 5})

    assert (by_provider.status_code, of_nothing.status_code) == (403, 404)


@pytest.mark.parametrize("period", ["to=0001-01-01", "to=9999-12-31", "from=0001-01-01"])
async def test_a_period_off_the_calendar_is_refused(own: Lender, period: str) -> None:
    edge, day = period.split("=")
    asked: Body = {edge: day}

    answer = await own.get("/analytics", **asked)

    assert (answer.status_code, answer.json()["field"]) == (422, edge)
