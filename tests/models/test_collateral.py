"""What is due for a loan's collateral, at every threshold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.chain import ChainOperationKind, ChainState
from models.collateral import WAD, Collateral, due

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEALTHY = Collateral(
    state=ChainState.ACTIVE,
    health_factor=WAD * 110 // 100,
    has_collateral=True,
    cure_by=None,
    auction_ends_at=None,
    debt=1_000,
    now=NOW,
)
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
K, S = ChainOperationKind, ChainState


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"health_factor": WAD * 110 // 100 - 1}, K.MARGIN_CALL),
        ({"health_factor": WAD, "cure_by": LATER}, None),
        ({"health_factor": WAD, "cure_by": EARLIER}, None),
        ({"health_factor": WAD - 1, "cure_by": NOW}, None),
        ({"health_factor": WAD - 1, "cure_by": EARLIER}, K.START_LIQUIDATION),
        ({"health_factor": WAD - 1}, K.MARGIN_CALL),
        ({"cure_by": LATER}, K.CLEAR_MARGIN_CALL),
        ({"health_factor": WAD * 95 // 100}, K.MARGIN_CALL),
        ({"health_factor": WAD * 95 // 100 - 1}, K.START_LIQUIDATION),
        ({"health_factor": 0, "has_collateral": False}, None),
        ({"state": S.DEFAULTED}, K.START_LIQUIDATION),
        ({"state": S.DEFAULTED, "has_collateral": False}, None),
        ({"state": S.DELINQUENT}, None),
        ({"state": S.ORIGINATED, "health_factor": 0}, None),
        ({"state": S.WRITTEN_OFF}, None),
        ({"state": S.CLOSED}, K.RELEASE),
        ({"state": S.CANCELLED}, K.RELEASE),
        ({"state": S.CLOSED, "has_collateral": False}, None),
        ({"state": S.LIQUIDATING, "auction_ends_at": LATER}, None),
        ({"state": S.LIQUIDATING, "auction_ends_at": NOW}, None),
        ({"state": S.LIQUIDATING, "auction_ends_at": EARLIER}, K.SETTLE_LIQUIDATION),
        ({"state": S.LIQUIDATING, "auction_ends_at": LATER, "debt": 0}, K.SETTLE_LIQUIDATION),
        ({"state": S.LIQUIDATING, "auction_ends_at": LATER, "has_collateral": False}, K.SETTLE_LIQUIDATION),
    ],
)
def test_each_threshold_has_its_write(changes: dict[str, object], expected: ChainOperationKind | None) -> None:
    assert due(replace(HEALTHY, **changes)) is expected  # type: ignore[arg-type]
