"""A loan's terms as the chain keeps them."""

from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chain_signing import Prepared, SignerRole
from models.chain_terms import (
    ZERO_ADDRESS,
    Asset,
    AssetUnknown,
    ChainSite,
    Hashes,
    Parties,
    Token,
    WalletMissing,
    asset_of,
    bps,
    canonical,
    currency_address,
    hashes_of,
    parties_of,
    seconds_of,
    sorted_approvals,
    terms_on_chain,
)
from models.product_chain import ChainRules
from models.terms import LoanTerms

WALLET, LENDER = f"0x{'b0' * 20}", f"0x{'1e' * 20}"
SITE = ChainSite(31337, "0xa1", "0xa2", "0xa3", {"USDC": Token(f"0x{'c1' * 20}", 6)})
SECURED = ChainRules(secured=True, asset="USDC")


def keccak(data: bytes) -> bytes:
    """Any hash of 32 bytes does here."""
    return sha256(data).digest()


@pytest.mark.parametrize(
    ("currency", "number"), [("USD", 840), ("EUR", 978), ("NGN", 566), ("JPY", 392), ("BHD", 48), ("ZWG", 924)]
)
def test_a_currency_without_a_token_is_the_address_of_its_iso_number(currency: str, number: int) -> None:
    address = currency_address(currency)

    assert (len(address), int(address, 16)) == (42, number)
    assert asset_of(ChainRules(), currency, SITE) == Asset(address, 0)


@pytest.mark.parametrize(("currency", "scale"), [("USD", 4), ("JPY", 6), ("BHD", 3)])
def test_a_token_counts_in_parts_of_a_minor_unit(currency: str, scale: int) -> None:
    assert asset_of(SECURED, currency, SITE) == Asset(SITE.tokens["USDC"].address, scale)


def test_a_token_the_chain_does_not_know_is_refused_by_the_setting_that_names_it() -> None:
    with pytest.raises(AssetUnknown) as refused:
        asset_of(ChainRules(secured=True, asset="DAI"), "USD", SITE)

    assert refused.value.field == "chain.asset"


def test_wallets_are_bound_only_where_something_moves_on_chain() -> None:
    assert parties_of(ChainRules(), WALLET) == Parties(ZERO_ADDRESS, ZERO_ADDRESS)
    assert parties_of(ChainRules(lender=LENDER), None) == Parties(ZERO_ADDRESS, LENDER)
    assert parties_of(SECURED, WALLET) == Parties(WALLET, ZERO_ADDRESS)
    with pytest.raises(WalletMissing) as refused:
        parties_of(SECURED, None)
    assert refused.value.field == "walletAddress"


@given(salt=st.binary(min_size=32, max_size=32), other=st.binary(min_size=32, max_size=32))
def test_without_the_salt_nobody_can_link_a_loan_to_what_is_on_chain(salt: bytes, other: bytes) -> None:
    hashes = hashes_of(salt, "loan_1", {"amountMinor": 1}, keccak)

    assert len({hashes.loan_key, hashes.agreement, hashes.subject}) == 3
    assert (hashes_of(other, "loan_1", {"amountMinor": 1}, keccak) == hashes) is (salt == other)
    assert hashes_of(salt, "loan_1", {"amountMinor": 2}, keccak).agreement != hashes.agreement


def test_a_document_has_one_form_whatever_its_order() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == b'{"a":"\\u00e9","b":1}'


def test_the_terms_name_nobody_and_count_in_base_units() -> None:
    agreed = LoanTerms(25_000_00, "USD", Decimal("8.2"), 12)
    rules = ChainRules(secured=True, asset="USDC", minimum_score=600, interest_cap_percent=50)
    hashes = Hashes("0x01", "0x02", "0x03")

    terms = terms_on_chain(
        agreed,
        rules,
        Asset("0xc1", 4),
        Parties(WALLET, LENDER),
        hashes,
        agreed_on=date(2026, 11, 24),
        signed_until=1_800_000_000,
    )

    expected: dict[str, Any] = {
        "agreementHash": "0x02",
        "subject": "0x03",
        "borrower": WALLET,
        "lender": LENDER,
        "asset": "0xc1",
        "principal": 25_000_000_000,
        "aprBps": 820,
        "interestCapBps": 5_000,
        "minScore": 600,
        "maturity": seconds_of(date(2027, 11, 24)),
        "signedUntil": 1_800_000_000,
        "onChainFunds": False,
        "secured": True,
    }
    assert terms == expected


@pytest.mark.parametrize(("percent", "points"), [("8.2", 820), ("0", 0), ("12.345", 1234), ("12.355", 1236)])
def test_a_rate_is_rounded_to_basis_points_half_to_even(percent: str, points: int) -> None:
    assert bps(Decimal(percent)) == points


def test_a_day_lasts_until_its_last_second() -> None:
    assert seconds_of(date(1970, 1, 1)) == 86_399


def test_approvals_are_in_the_order_of_their_signers_addresses() -> None:
    signed = {"0xB0": "second", "0x0a": "first", "0xff": "third"}

    assert sorted_approvals(signed) == ["first", "second", "third"]


def test_a_loan_is_signed_when_underwriters_enough_and_the_lender_have_signed() -> None:
    waits = Prepared("loan_1", 2, lender=LENDER)
    one = waits.signed_by(SignerRole.UNDERWRITER, "0xAA")
    same = one.signed_by(SignerRole.UNDERWRITER, "0xaa")
    two = same.signed_by(SignerRole.UNDERWRITER, "0xbb")
    complete = two.signed_by(SignerRole.LENDER, LENDER)

    assert [each.is_signed for each in (waits, one, same, two, complete)] == [False, False, False, False, True]
    assert [each.missing for each in (waits, same, two, complete)] == [
        "2 of 2 underwriters and the lender",
        "1 of 2 underwriters and the lender",
        "the lender",
        "nobody",
    ]
