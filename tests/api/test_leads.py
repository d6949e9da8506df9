"""Leads a platform has assessed itself: taken once, answered with whom they went to."""

from decimal import Decimal

import pytest

from models.application import ApplicationStatus
from models.records.applications import Application
from models.records.outbox import OutboxRow
from tests.api.rows import granted, moved
from tests.api.worlds import World, lead_body

PATH = "/api/v1/leads/distribute"


async def test_the_owners_lead_is_answered_as_printed(world: World) -> None:
    first = await world.register("R-1")

    async def distributed() -> None:
        [application] = await world.rows(Application)
        lead = {"applicationId": application.id, "leadId": application.lead_id}
        await granted(world, lead, first)
        await moved(world, lead, ApplicationStatus.BIDDING)

    world.temporal.running = _whatever_is_asked(distribution=distributed)
    answer = await world.post(PATH, lead_body())

    assert answer.status_code == 200, answer.text
    printed = answer.json()
    assert printed["distributionId"].startswith("dist_")
    assert (printed["success"], printed["providersNotified"], printed["estimatedResponseTime"]) == (True, 1, 4)
    assert printed["distribution"] == [
        {
            "providerId": first["providerId"],
            "providerName": "FirstCredit Bank",
            "score": 92,
            "expectedResponseTime": 4,
        }
    ]


async def test_the_platforms_assessment_is_kept(world: World) -> None:
    world.temporal.is_up = False
    await world.post(PATH, lead_body())

    [application] = await world.rows(Application)
    assert application.lead_id == "lead_xyz789"
    assert (application.pre_assessed, application.credit_score, application.risk_rating) == (True, 742, "low")
    assert application.debt_to_income_ratio == Decimal("0.49")
    assert application.recommended_amount_minor == 2_500_000
    assert application.recommended_rate_percent == Decimal("7.5")


async def test_while_temporal_is_away_the_lead_is_on_record_and_will_go_out(world: World) -> None:
    world.temporal.is_up = False

    answer = await world.post(PATH, lead_body())

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    [order] = await world.rows(OutboxRow)
    assert order.payload["preAssessed"] is True


async def test_a_lead_nobody_has_started_yet_is_waited_for(world: World) -> None:
    answer = await world.post(PATH, lead_body())

    assert answer.status_code == 503
    assert len(world.temporal.asked) > 1


async def test_the_same_lead_is_the_same_distribution(world: World) -> None:
    world.temporal.is_up = False
    await world.post(PATH, lead_body())
    [application] = await world.rows(Application)
    await moved(world, {"applicationId": application.id}, ApplicationStatus.BIDDING)

    first, again = await world.post(PATH, lead_body()), await world.post(PATH, lead_body())

    assert first.status_code == 200
    assert first.json() == again.json()
    assert len(await world.rows(Application)) == 1
    assert len(await world.rows(OutboxRow)) == 1


async def test_a_lead_with_other_contents_is_refused(world: World) -> None:
    world.temporal.is_up = False
    await world.post(PATH, lead_body())
    changed = lead_body()
    changed["loanApplication"]["requestedAmount"] = 30000

    answer = await world.post(PATH, changed)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "lead_known", "leadId")
    [application] = await world.rows(Application)
    assert application.requested_amount_minor == 2_500_000


async def test_the_lead_of_an_application_is_not_taken_over(world: World) -> None:
    submitted = await world.apply()

    answer = await world.post(PATH, lead_body() | {"leadId": submitted["leadId"]})

    assert (answer.status_code, answer.json()["field"]) == (409, "leadId")


@pytest.mark.parametrize(
    ("part", "name", "value", "field"),
    [
        ("creditAssessment", "creditScore", 299, "creditAssessment.creditScore"),
        ("creditAssessment", "creditScore", 851, "creditAssessment.creditScore"),
        ("creditAssessment", "riskRating", "tiny", "creditAssessment.riskRating"),
        ("loanApplication", "requestedAmount", 0.001, "loanApplication.requestedAmount"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(
    world: World, part: str, name: str, value: object, field: str
) -> None:
    body = lead_body()
    body[part][name] = value

    answer = await world.post(PATH, body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await world.rows(Application) == []


async def test_a_lead_without_a_match_says_so(world: World) -> None:
    world.temporal.is_up = False
    await world.post(PATH, lead_body())
    [application] = await world.rows(Application)
    lead = {"applicationId": application.id}
    await moved(world, lead, ApplicationStatus.NO_OFFERS, status_reason="no provider matches")

    answer = (await world.post(PATH, lead_body())).json()

    assert (answer["providersNotified"], answer["distribution"], answer["estimatedResponseTime"]) == (0, [], None)
    assert (answer["status"], answer["reason"]) == ("no_offers", "no provider matches")


class _Everything(dict[str, dict[str, object]]):
    """A cluster in which every workflow runs and answers alike: the id is made by the request."""

    def __init__(self, answers: dict[str, object]) -> None:
        super().__init__()
        self.answers = answers

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> dict[str, object]:
        return self.answers


def _whatever_is_asked(**answers: object) -> _Everything:
    return _Everything(answers)
