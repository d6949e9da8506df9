"""Shares with their denominators, and what a rival may not be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.analytics import (
    SMALLEST_CELL,
    Interval,
    Place,
    Standing,
    percent_of,
    place_of,
    trend,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, Interval(25.5, 36.6)),
        (15, 148, Interval(6.2, 16.0)),
        (0, 20, Interval(0.0, 16.1)),
        (1, 29, Interval(0.6, 17.2)),
        (0, 0, None),
    ],
)
def test_wilsons_interval_is_as_published(successes: int, trials: int, interval: Interval | None) -> None:
    assert wilson(successes, trials) == interval


@given(st.integers(1, 10**6).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_share_lies_in_its_interval_and_the_interval_between_none_and_all(share: tuple[int, int]) -> None:
    interval = wilson(*share)

    assert interval is not None
    assert 0 <= interval.low <= 100 * share[0] / share[1] + 0.05
    assert 100 * share[0] / share[1] - 0.05 <= interval.high <= 100


def test_the_owners_figures_are_shares_of_different_things() -> None:
    assert (percent_of(89, 142), percent_of(89, 156), percent_of(1, 0)) == (62.7, 57.1, None)


def _peers(*records: tuple[int, int]) -> list[Standing]:
    return [Standing(f"provider_{number}", received, funded) for number, (received, funded) in enumerate(records)]


def test_ninety_of_a_hundred_stand_before_one_of_one() -> None:
    peers = _peers((1, 1), (100, 90), (100, 50), (100, 50), (10, 0))

    places = [place_of(peer.provider_id, peers) for peer in peers]

    assert [place.rank for place in places if place] == [4, 1, 2, 2, 5]


def test_a_place_is_told_among_five_and_not_among_four() -> None:
    five = _peers(*[(10, 1)] * SMALLEST_CELL)
    four = [*five[:-1], Standing("provider_4", 0, 0)]

    assert place_of("provider_0", five) == Place(1, 5)
    assert place_of("provider_0", four) is None
    assert place_of("provider_4", [*five[:-1], *four]) is None


def test_a_place_is_in_the_best_so_many_percent() -> None:
    assert Place(3, 25).top_percent == 12


@pytest.mark.parametrize(
    ("current", "before", "change", "direction"),
    [
        (57.1, 53.9, 3.2, "up"),
        (4.2, 5.0, -0.8, "down"),
        (4.6, 4.6, 0.0, "flat"),
        (4.6, None, None, None),
        (None, 1.0, None, None),
    ],
)
def test_a_trend_is_the_difference_to_before(
    current: float | None, before: float | None, change: float | None, direction: str | None
) -> None:
    moved = trend(current, before)

    assert (moved.current, moved.change, moved.direction) == (current, change, direction)
