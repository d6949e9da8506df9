"""What events make of a loan."""

from datetime import UTC, datetime

import pytest

from models.chain import ChainState
from models.sightings import STATES, Logged, Sighting, sighting_of

FUNDED = Sighting(ChainState.ACTIVE, outstanding=1_000, interest=50, sequence=3, block=7)


def seen(name: str, **facts: int) -> Sighting:
    return FUNDED.after(Logged(name, facts, 9))


@pytest.mark.parametrize(
    ("found", "state", "outstanding", "interest", "sequence"),
    [
        (seen("Repaid", seq=4, principal=100, interest=10, outstanding=900), ChainState.ACTIVE, 900, 60, 4),
        (seen("RepaymentReversed", seq=4, principal=100, interest=10, outstanding=1_100), "active", 1_100, 40, 4),
        (seen("Forgiven", seq=4, principal=100, outstanding=900), ChainState.ACTIVE, 900, 50, 4),
        (seen("Restructured", seq=4, capitalized=50, outstanding=1_050), ChainState.ACTIVE, 1_050, 50, 4),
        (seen("StateChanged", seq=4, to=4), ChainState.DEFAULTED, 1_000, 50, 4),
        (seen("StateChanged", seq=4, to=STATES.index(ChainState.CANCELLED)), ChainState.CANCELLED, 0, 50, 4),
        (seen("LiquidationProceeds", fee=5, interest=10, principal=100, surplus=0), "active", 900, 60, 3),
        (seen("Deposited", amount=10), ChainState.ACTIVE, 1_000, 50, 3),
    ],
)
def test_an_event_changes_what_it_says(
    found: Sighting, state: str, outstanding: int, interest: int, sequence: int
) -> None:
    assert (found.state, found.outstanding, found.interest, found.sequence) == (state, outstanding, interest, sequence)
    assert found.block == 9


def test_a_margin_call_runs_until_it_is_cured_or_the_auction_begins() -> None:
    called = seen("MarginCalled", cureBy=1_800_000_000)

    assert called.margin_called_until == datetime(2027, 1, 15, 8, tzinfo=UTC)
    for name in ("MarginCallCured", "AuctionStarted"):
        assert called.after(Logged(name, {}, 10)).margin_called_until is None


def test_a_loan_is_the_sum_of_its_events() -> None:
    events = [
        Logged("Originated", {"principal": 1_000}, 1),
        Logged("Funded", {"seq": 1, "principal": 1_000}, 2),
        Logged("Repaid", {"seq": 2, "principal": 1_000, "interest": 5, "outstanding": 0}, 3),
        Logged("StateChanged", {"seq": 2, "to": STATES.index(ChainState.CLOSED)}, 3),
    ]

    assert sighting_of(events) == Sighting(ChainState.CLOSED, 0, 5, 2, 3)
    assert sighting_of(events[:1]).state is ChainState.ORIGINATED
    assert sighting_of([]) == Sighting()
