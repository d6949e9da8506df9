"""A decision's body in the workflow's terms: numbers and names only, each where it belongs and within its range."""

import json
from decimal import Decimal
from hashlib import sha256

from activities.matches import restated
from api.schemas.leads import DecisionIn
from models.decision import BIDS, ENDS, DecisionKind
from models.errors import Refused
from models.money import formatted, minor_units
from models.records.applications import Application
from models.records.providers import Provider
from workflows.application_state import ProviderDecision

_DIGEST_LETTERS = 16


class TermsMissing(Refused):
    """A bid names an amount, a rate and a tenure."""


class OtherCurrency(Refused):
    """The currency is not the one that was asked for."""


class NotACounterOffer(Refused):
    """A counter-offer is for another amount or tenure than was asked for."""


class InformationNotNamed(Refused):
    """Who needs information says which."""


class FieldNotOfDecision(Refused):
    """The field says nothing about a decision of this kind."""


class OutsideOwnRange(Refused):
    """The provider has registered that it does not lend such an amount, or at such a rate."""


def in_workflow_terms(
    decision: DecisionIn, decision_id: str, application: Application, provider: Provider
) -> ProviderDecision:
    """What the workflow is asked to judge. What needs no workflow to be refused is refused here."""
    kind = DecisionKind.DECLINED if decision.decision == "rejected" else DecisionKind(decision.decision)
    _check_fields(decision, kind)
    if kind not in BIDS:
        return ProviderDecision(decision.provider_id, decision_id, kind)
    bid = _bid(decision, decision_id, kind, application)
    _check_own_range(bid, application.currency, provider)
    return bid


def _check_fields(decision: DecisionIn, kind: DecisionKind) -> None:
    if decision.reason_code is not None and kind not in ENDS:
        raise FieldNotOfDecision("A reason code belongs to a decline or a withdrawal.", "reasonCode")
    if kind is not DecisionKind.NEED_INFORMATION and decision.information_needed:
        raise FieldNotOfDecision("What is needed belongs to the decision `need_information`.", "informationNeeded")
    if kind is DecisionKind.NEED_INFORMATION and not decision.information_needed:
        raise InformationNotNamed("Say what information is needed.", "informationNeeded")


def _bid(decision: DecisionIn, decision_id: str, kind: DecisionKind, application: Application) -> ProviderDecision:
    currency = application.currency
    if decision.currency not in (None, currency):
        raise OtherCurrency(f"The borrower asked for {currency}.", "currency")
    if decision.approved_amount is None:
        raise TermsMissing("An approval names its amount.", "approvedAmount")
    if decision.interest_rate is None:
        raise TermsMissing("An approval names its interest rate.", "interestRate")
    if decision.tenure is None:
        raise TermsMissing("An approval names its tenure.", "tenure")
    amount_minor = minor_units(decision.approved_amount, currency, field="approvedAmount")
    asked = (application.requested_amount_minor, application.tenure_days)
    if kind is DecisionKind.COUNTER_OFFER and (amount_minor, decision.tenure) == asked:
        raise NotACounterOffer("These are the amount and the tenure that were asked for: approve.", "decision")
    return ProviderDecision(
        provider_id=decision.provider_id,
        decision_id=decision_id,
        decision=kind,
        amount_minor=amount_minor,
        annual_rate_percent=decision.interest_rate,
        tenure_days=decision.tenure,
        processing_fee_minor=minor_units(decision.processing_fee or 0, currency, field="processingFee"),
        expires_at=decision.expires_at,
        funding_hours=decision.funding_hours,
        conditions_digest=_digest(decision.conditions),
    )


def _check_own_range(bid: ProviderDecision, currency: str, provider: Provider) -> None:
    least, most = (
        restated(minor, provider.amount_currency, currency)
        for minor in (provider.minimum_amount_minor, provider.maximum_amount_minor)
    )
    if not least <= bid.amount_minor <= most:
        range_ = f"{formatted(least, currency)} to {formatted(most, currency)}"
        raise OutsideOwnRange(f"This provider has registered to lend {range_}.", "approvedAmount")
    if not provider.rate_minimum_percent <= bid.annual_rate_percent <= provider.rate_maximum_percent:
        range_ = f"{_plain(provider.rate_minimum_percent)} to {_plain(provider.rate_maximum_percent)}"
        raise OutsideOwnRange(f"This provider has registered to lend at {range_} % a year.", "interestRate")


def _digest(conditions: list[str]) -> str:
    """Other conditions are other terms, and no words of them travel through the workflow."""
    return sha256(json.dumps(conditions).encode()).hexdigest()[:_DIGEST_LETTERS] if conditions else ""


def _plain(percent: Decimal) -> str:
    return f"{percent.normalize():f}"
