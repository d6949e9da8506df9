"""What a product may ask of the chain, and how a document that is wrong is refused."""

from datetime import date
from typing import Any

import pytest

from models.chain import ChainFunds
from models.errors import Refusal
from models.product_chain import ChainRules
from models.product_document import document_of, product_from
from tests.models.products import weekly

LENDER = f"0x{'1e' * 20}"


def test_a_product_may_ask_for_the_chain_and_no_more() -> None:
    product = product_from(weekly(chain={}))

    assert product.chain == ChainRules(ChainFunds.RAIL, secured=False, minimum_score=0, interest_cap_percent=100)
    assert product_from(weekly()).chain is None


def test_settings_of_the_chain_go_both_ways() -> None:
    settings = {
        "funds": "rail",
        "secured": True,
        "minimumScore": 640,
        "interestCapPercent": 60,
        "asset": "USDC",
        "lender": LENDER,
    }

    product = product_from(weekly(chain=settings))

    assert document_of(product)["chain"] == settings


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"fees": [{"name": "origination", "timing": "disbursement", "amount": 10}]}, "schedule.fees"),
        ({"fees": [], "downPaymentPercent": 10}, "schedule.downPaymentPercent"),
    ],
)
def test_a_principal_in_tokens_is_paid_out_whole(schedule: dict[str, Any], field: str) -> None:
    chain = {"funds": "token", "asset": "USDC", "lender": LENDER}
    settings = weekly(chain=chain)
    product = product_from(settings | {"schedule": settings.get("schedule", {}) | schedule})

    with pytest.raises(Refusal) as refused:
        product.check(on=date(2026, 3, 1))

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"funds": "token", "lender": LENDER}, "chain.asset"),
        ({"funds": "token", "asset": "USDC"}, "chain.lender"),
        ({"funds": "cash"}, "chain.funds"),
        ({"minimumScore": 299}, "chain.minimumScore"),
        ({"minimumScore": 851}, "chain.minimumScore"),
        ({"interestCapPercent": 0}, "chain.interestCapPercent"),
        ({"interestCapPercent": 656}, "chain.interestCapPercent"),
        ({"secured": True}, "chain.asset"),
        ({"asset": "USDC"}, "chain.asset"),
        ({"lender": "0x12"}, "chain.lender"),
        ({"lender": "1x" + "1e" * 20}, "chain.lender"),
        ({"lender": "0x" + "zz" * 20}, "chain.lender"),
        ({"score": 600}, "chain.score"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        product_from(weekly(chain=settings))

    assert refused.value.field == field


def test_a_rate_that_the_contract_has_no_room_for_is_refused() -> None:
    dear = {"minimum": 5, "default": 12.5, "maximum": 700}
    product = product_from(weekly(annualRate=dear, chain={}))

    with pytest.raises(Refusal) as refused:
        product.check(on=date(2026, 11, 24))

    assert refused.value.field == "annualRate.maximum"
