"""Reaching the cluster."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from temporal.client import connect
from temporal.search_attributes import DAYS_PAST_DUE, NEEDS_ATTENTION, NEXT_DUE_AT, STATUS
from temporal.settings import TemporalSettings
from workers.embedded.ports import any_free


async def test_a_lazy_client_exists_while_the_cluster_is_away_and_fails_only_when_used() -> None:
    client = await connect(TemporalSettings(address=f"127.0.0.1:{any_free()}"), lazy=True)

    with pytest.raises((RPCError, RuntimeError)):
        await client.get_workflow_handle("loan/1").describe()


async def test_the_server_knows_our_search_attributes(temporal_client: Client) -> None:
    due = datetime(2030, 1, 31, tzinfo=UTC)
    attributes = TypedSearchAttributes(
        [
            SearchAttributePair(STATUS, "active"),
            SearchAttributePair(DAYS_PAST_DUE, 31),
            SearchAttributePair(NEXT_DUE_AT, due),
            SearchAttributePair(NEEDS_ATTENTION, value=True),
        ]
    )
    loan = await temporal_client.start_workflow(
        "Loan", id=f"loan/{uuid4()}", task_queue="nobody-polls", search_attributes=attributes
    )

    assert (await loan.describe()).typed_search_attributes.get(NEXT_DUE_AT) == due
    assert (await loan.describe()).typed_search_attributes.get(DAYS_PAST_DUE) == 31
