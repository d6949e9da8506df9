"""A rate card as a JSON document: amounts in major units of its currency, rates in basis points."""

from collections.abc import Mapping
from typing import Any

from models.billing_card import Clawback, FundingPrice, Incentive, Metric, RateCard
from models.billing_tiers import Tier, TierMode, Tiers
from models.document import (
    AMOUNT,
    COUNT,
    CURRENCY,
    NUMBER,
    InvalidDocument,
    Kind,
    ListOf,
    Record,
    Setting,
    word,
)


def _tiers(price: Setting, up_to: Kind) -> Record:
    tier = Record(Tier, (Setting("upTo", up_to), price))
    return Record(Tiers, (Setting("mode", word(TierMode)), Setting("tiers", ListOf(tier))))


_FUNDED = Record(
    FundingPrice,
    (
        Setting("rates", _tiers(Setting("bps", NUMBER, "price"), AMOUNT), "rates_bps"),
        Setting("minimum", AMOUNT, "minimum_minor"),
        Setting("maximum", AMOUNT, "maximum_minor"),
    ),
)
_CLAWBACK = Record(Clawback, (Setting("percent", NUMBER), Setting("daysPastDue", COUNT), Setting("withinDays", COUNT)))
_INCENTIVE = Record(
    Incentive,
    (
        Setting("metric", word(Metric)),
        Setting("mark", NUMBER),
        Setting("discountPercent", NUMBER),
        Setting("bonus", AMOUNT, "bonus_minor"),
    ),
)
_CARD = Record(
    RateCard,
    (
        Setting("currency", CURRENCY),
        Setting("lead", _tiers(Setting("price", AMOUNT), COUNT)),
        Setting("funded", _FUNDED),
        Setting("monthlyMinimum", AMOUNT, "monthly_minimum_minor"),
        Setting("clawback", _CLAWBACK),
        Setting("incentives", ListOf(_INCENTIVE)),
        Setting("dueDays", COUNT),
    ),
)


def card_from(document: object) -> RateCard:
    """The card that a document describes."""
    if not isinstance(document, Mapping) or document.get("currency") is None:
        raise InvalidDocument("This is missing.", "currency")
    currency = CURRENCY.read(document["currency"], currency="", path="currency")
    card: RateCard = _CARD.read(document, currency=currency)
    return card


def document_of(card: RateCard) -> dict[str, Any]:
    """The card as a document, from which `card_from` makes the same card."""
    return _CARD.write(card, currency=card.currency)
