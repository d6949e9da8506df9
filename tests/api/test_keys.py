"""API keys: recognizable, checkable without a database, and stored as a hash only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.keys import api_key, hash_of, is_well_formed

ENTROPY = st.binary(min_size=32, max_size=32)


@given(ENTROPY, st.booleans())
def test_every_key_is_well_formed(entropy: bytes, live: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    key = api_key(entropy, live=live)

    assert is_well_formed(key)
    assert key.startswith("caas_live_sk_" if live else "caas_test_sk_")
    assert len(key) == len("caas_test_sk_") + 43 + 6


@given(ENTROPY, ENTROPY)
def test_other_randomness_is_another_key(one: bytes, other: bytes) -> None:
    assert (one == other) == (api_key(one, live=False) == api_key(other, live=False))


@given(ENTROPY, st.integers(min_value=13, max_value=61), st.sampled_from("0aZ9"))
def test_a_mistyped_key_is_told_from_a_wrong_one(entropy: bytes, place: int, typed: str) -> None:
    key = api_key(entropy, live=False)
    mistyped = key[:place] + typed + key[place + 1 :]

    assert is_well_formed(mistyped) == (mistyped == key)


@pytest.mark.parametrize("text", ["", "caas_test_sk_", "sk_test_1", "caas_test_sk_" + "é" * 49, "x" * 62])
def test_what_is_no_key_is_not_looked_up(text: str) -> None:
    assert not is_well_formed(text)


def test_a_key_is_made_of_all_of_its_randomness() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        api_key(b"short", live=False)


def test_a_hash_says_nothing_about_its_key() -> None:
    key = api_key(bytes(32), live=False)

    assert len(hash_of(key)) == 64
    assert key[-6:] not in hash_of(key)
