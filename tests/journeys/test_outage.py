"""Temporal goes away and comes back, and so does the whole stack: what was asked for is done, and nothing is lost."""

from datetime import date, timedelta
from pathlib import Path

import httpx2

from tests.journeys.scenes import Scene, scene_on
from workers.embedded.settings import throwaway
from workers.stack import Stack


async def test_an_application_submitted_while_temporal_is_away_runs_when_it_is_back(scene: Scene) -> None:
    await scene.lenders_register()
    offered = await scene.apply()
    await scene.reaches(offered, "offered")
    (best, *_) = await scene.platform.offers(offered)

    await scene.stack.kill("temporal")
    submitted = await scene.apply()
    refused = await accept_once(scene, offered, best["offerId"])
    during = [(await scene.platform.application(each))["status"] for each in (offered, submitted)]
    await scene.stack.start("temporal")

    assert (refused.status_code, refused.json()["code"]) == (503, "engine_away")
    assert int(refused.headers["retry-after"]) > 0
    assert during == ["offered", "submitted"]
    for application_id in (offered, submitted):
        loan = await scene.disbursed(application_id)
        assert loan["status"] == "active"
    await scene.outbox_is_empty()


async def test_a_loan_goes_on_when_the_stack_is_started_again(tmp_path: Path) -> None:
    async with Stack(throwaway(tmp_path)) as stack, scene_on(stack) as scene:
        await scene.lenders_register()
        loan = await scene.disbursed(await scene.apply())
        first = loan["schedule"][0]

    async with Stack(throwaway(tmp_path)) as stack, scene_on(stack, scene.tenant) as again:
        paid_at = await again.to_day(loan, date.fromisoformat(first["dueOn"]) - timedelta(days=1))
        await again.pay(loan, round(first["total"] * 100), paid_at)
        resumed = await again.platform.loan(loan["loanId"])
        events = [event["type"] for event in await again.platform.timeline(loan["applicationId"])]

    assert resumed["schedule"][0]["status"] == "paid"
    assert events.count("credit.repayment.due") == 1


async def accept_once(scene: Scene, application_id: str, offer_id: str) -> httpx2.Response:
    """Accept as an impatient client would, without asking again."""
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        return await http.post(
            f"{scene.stack.api_url}/api/loans/applications/{application_id}/accept",
            json={"offerId": offer_id},
            headers={"authorization": f"Bearer {scene.tenant.api_key}"},
        )
