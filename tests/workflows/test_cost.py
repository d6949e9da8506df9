"""What a loan costs in Temporal is a number that is kept low."""

from collections import Counter
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from models.application import ApplicationStatus
from temporal.cost import cost_of
from tests.workflows.fakes import FakeRail
from tests.workflows.world import World, running
from workers.embedded.postgres import DatabaseUrls


async def test_an_application_with_three_bids_is_disbursed_within_twenty_actions(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), providers=("p_1", "p_2", "p_3")) as world:
        application_id = await world.submit()
        await world.reaches(application_id, ApplicationStatus.BIDDING)
        for provider_id in world.providers:
            await world.decide(application_id, provider_id)
        await world.reaches(application_id, ApplicationStatus.OFFERED)
        await world.accept_best(application_id)
        await world.application(application_id).result()

        cost = cost_of((await world.application(application_id).fetch_history()).events)

    assert cost.actions <= 20, cost


async def test_an_installment_paid_on_time_costs_at_most_five_actions(world: World) -> None:
    loan = await world.disbursed()
    rows = await world.installments(loan.id)
    histories = []
    for row in rows[:3]:
        await world.to_day(loan, row.due_on - timedelta(days=1))
        await world.pay(loan, row.principal_minor + row.interest_minor)
        histories.append((await world.loan_workflow(loan.id).fetch_history()).events)

    spent = [cost_of(history).actions for history in histories]
    kinds = Counter(EventType.Name(event.event_type) for event in histories[-1])
    assert max(spent[1] - spent[0], spent[2] - spent[1]) <= 5, (spent, kinds)
