"""Identifiers: sortable or derived, always 26 characters after the prefix."""

from hypothesis import given
from hypothesis import strategies as st

from models.ids import derived_id, sortable_id


@given(early=st.integers(0, 2**47), gap=st.integers(1, 2**40), entropy=st.binary(min_size=10, max_size=10))
def test_ids_sort_by_creation_time(early: int, gap: int, entropy: bytes) -> None:
    first = sortable_id("app", at_ms=early, entropy=b"\xff" * 10)
    second = sortable_id("app", at_ms=early + gap, entropy=entropy)

    assert first < second
    assert len(first) == len("app_") + 26


def test_the_same_facts_give_the_same_id_and_others_another() -> None:
    assert derived_id("loan", "app_1") == derived_id("loan", "app_1")
    assert derived_id("loan", "app_1") != derived_id("loan", "app_2")
    assert derived_id("offer", "a", "bc") != derived_id("offer", "ab", "c")
