"""What a loan costs in Temporal is a number that is kept low."""

from datetime import timedelta
from itertools import pairwise

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
    for row in (await world.installments(loan.id))[:3]:
        await world.to_day(loan, row.due_on - timedelta(days=1))
        await world.pay(loan, row.principal_minor + row.interest_minor)

    events = (await world.loan_workflow(loan.id).fetch_history()).events
    # From payment to payment: a row is posted a moment before the workflow hears of it and arms its next timer.
    paid = [
        at for at, event in enumerate(events) if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    months = [events[one:next_one] for one, next_one in pairwise(paid)]
    assert [cost_of(month).actions for month in months] == [5, 5]
