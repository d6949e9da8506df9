"""Lenders that change their minds: one bids again, one takes back, one offers less, one asks first."""

from tests.journeys.scenes import Scene, patiently


async def test_lenders_bid_again_take_back_counter_and_ask_and_the_cheapest_is_paid_out(scene: Scene) -> None:
    await scene.lenders_register(
        first={"kind": "need_information", "interestRate": 9, "informationNeeded": ["Payslip"], "fundingHours": 12},
        quick={"kind": "rebid", "interestRate": 8},
        fickle={"kind": "withdraw", "interestRate": 5},
        small={"kind": "counter", "interestRate": 12},
    )
    application_id = await scene.apply()
    lead_id = (await scene.platform.application(application_id))["leadId"]

    async def question() -> str | None:
        asked = (await scene.platform.get(f"/api/v1/leads/{lead_id}/information"))["data"]
        return str(asked[0]["informationId"]) if asked else None

    information_id = await patiently(question, what="a question")
    await scene.platform.post(
        f"/api/v1/leads/{lead_id}/information/{information_id}", {"answer": {"files": ["https://files.example/1"]}}
    )
    await scene.reaches(application_id, "offered")

    table = await scene.platform.get(f"/api/loans/applications/{application_id}/offers")
    offers = [(each["providerName"], each["interestRate"], each["isCounterOffer"]) for each in table["offers"]]
    assert offers == [("quick lender", 7.5, False), ("first lender", 9, False), ("small lender", 12, True)]
    assert [line["fundingHours"] for line in table["comparison"]] == [None, 12, None]
    assert table["bestOffer"]["providerId"] == table["offers"][0]["providerId"]
    assert (await scene.platform.get(f"/api/v1/leads/{lead_id}/matching"))["replays"] is True
    await scene.disbursed(application_id)
    released = (await scene.platform.get(f"/api/v1/leads/{lead_id}/disclosures"))["data"]
    assert [each["why"] for each in released] == ["information_provided", "offer_accepted"]
