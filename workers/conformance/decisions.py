"""What the provider decides: a body of our shape, signed, within what was asked and what it has registered."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from activities.signing import BadSignature, StaleSignature, verify
from api.schemas.leads import DecisionIn
from workers.conformance.bench import Bench, Fault
from workers.conformance.cases import case
from workers.conformance.stub_api import Attempt

_DECISIONS = "decisions"
_LONGEST_KEY = 255
_NAMED = ("Zebulon", "Quackenbush", "zebulon.q@mail.example", "+15550177", "Larkspur", "8765.43")


def _person(country: str) -> dict[str, Any]:
    """An applicant in full, as a tenant may have it sent."""
    first, last, email, phone, street, income = _NAMED
    address = {"street": f"9 {street} Close", "city": "New York", "state": "NY", "country": country}
    return {
        "personalInfo": {
            "firstName": first,
            "lastName": last,
            "email": email,
            "phoneNumber": phone,
            "address": address,
        },
        "employmentInfo": {"employmentStatus": "employed", "monthlyIncome": float(income), "employmentDuration": 36},
        "financialInfo": {"monthlyExpenses": 4200, "existingLoans": [], "creditCards": []},
    }


async def _approval(bench: Bench) -> Attempt:
    attempt = await bench.decision()
    if attempt.decision.get("decision") != "approved":
        raise Fault("A lead within your appetite was not approved; see --minimum-amount, --currency and their like.")
    return attempt


@case(_DECISIONS)
async def decision_has_our_shape(bench: Bench) -> None:
    """A decision is what the documentation says, without unknown fields."""
    attempt = await bench.decision()
    try:
        DecisionIn.model_validate_json(attempt.body)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise Fault(f"{'.'.join(map(str, first['loc'])) or 'The body'}: {first['msg']}.") from None


@case(_DECISIONS)
async def decision_is_signed(bench: Bench) -> None:
    """A decision carries a Standard Webhooks signature made with your secret, just now."""
    attempt = await bench.decision()
    now = datetime.fromtimestamp(attempt.received_at, UTC)
    try:
        verify(bench.expecting.secret, attempt.headers, attempt.body, now=now)
    except (BadSignature, StaleSignature) as wrong:
        raise Fault(wrong.detail) from None


@case(_DECISIONS)
async def decision_is_authenticated(bench: Bench) -> None:
    """A decision carries your API key as a bearer token."""
    attempt = await bench.decision()
    if attempt.headers.get("authorization") != f"Bearer {bench.expecting.api_key}":
        raise Fault("The header authorization is not `Bearer` and the API key.")


@case(_DECISIONS)
async def decision_is_json(bench: Bench) -> None:
    """A decision says that it is JSON."""
    attempt = await bench.decision()
    if not attempt.headers.get("content-type", "").startswith("application/json"):
        raise Fault(f"The content type is {attempt.headers.get('content-type')!r}.")


@case(_DECISIONS)
async def decision_has_an_idempotency_key(bench: Bench) -> None:
    """A decision carries an Idempotency-Key of up to 255 printable characters, another for each lead."""
    keys = [(await bench.decision()).headers.get("idempotency-key", "") for _ in range(2)]
    for key in keys:
        if not key or len(key) > _LONGEST_KEY or not key.isprintable():
            raise Fault(f"The header idempotency-key is {key!r}.")
    if keys[0] == keys[1]:
        raise Fault("Two leads were decided under one key.")


@case(_DECISIONS)
async def message_id_has_no_dot(bench: Bench) -> None:
    """The webhook-id you sign has no dot in it: dots join what is signed."""
    attempt = await bench.decision()
    if not re.fullmatch(r"[!-~]+", attempt.headers.get("webhook-id", "")) or "." in attempt.headers["webhook-id"]:
        raise Fault(f"The webhook-id is {attempt.headers.get('webhook-id')!r}.")


@case(_DECISIONS)
async def decision_echoes_its_lead(bench: Bench) -> None:
    """The signed body names the lead and the provider of the path."""
    attempt = await bench.decision()
    lead_id = attempt.path.split("/")[-2]
    named = (attempt.decision.get("leadId"), attempt.decision.get("providerId"))
    if named != (lead_id, bench.expecting.provider_id) or f"/{bench.expecting.provider_id}/" not in attempt.path:
        raise Fault(f"It names {named}, on the path of {lead_id} of {bench.expecting.provider_id}.")


@case(_DECISIONS)
async def amount_within_what_was_asked(bench: Bench) -> None:
    """No more is approved than was asked for."""
    asked = bench.expecting.minimum_amount + 1
    attempt = await bench.decision(asked={"requestedAmount": asked})
    approved = attempt.decision.get("approvedAmount")
    if approved is not None and not 0 < approved <= asked:
        raise Fault(f"{approved} was approved, and {asked} was asked for.")


@case(_DECISIONS)
async def rate_within_what_is_registered(bench: Bench) -> None:
    """The interest rate lies in the range you registered."""
    rate = (await _approval(bench)).decision.get("interestRate")
    if rate is None or not bench.expecting.rate_minimum <= rate <= bench.expecting.rate_maximum:
        raise Fault(f"The rate {rate} is not in {bench.expecting.rate_minimum}..{bench.expecting.rate_maximum}.")


@case(_DECISIONS)
async def offer_outlives_its_arrival(bench: Bench) -> None:
    """An offer expires later than it is made, by an hour at least."""
    expires_at = (await _approval(bench)).decision.get("expiresAt")
    if expires_at is None:
        return  # then it is valid as long as our terms say
    try:
        is_valid = datetime.fromisoformat(expires_at) > datetime.now(UTC) + timedelta(hours=1)
    except (TypeError, ValueError):
        is_valid = False
    if not is_valid:
        raise Fault(f"It expires at {expires_at}.")


@case(_DECISIONS)
async def amount_above_your_maximum(bench: Bench) -> None:
    """A lead that asks for more than you lend is declined, or approved for what you lend."""
    most = bench.expecting.maximum_amount
    await _outside(bench, lends_up_to=most, requestedAmount=most * 10)


@case(_DECISIONS)
async def amount_below_your_minimum(bench: Bench) -> None:
    """A lead that asks for less than you lend is declined."""
    await _outside(bench, requestedAmount=bench.expecting.minimum_amount - 1)


@case(_DECISIONS)
async def large_amount(bench: Bench) -> None:
    """An amount of fifteen digits is read exactly and does no harm."""
    await _outside(bench, lends_up_to=bench.expecting.maximum_amount, requestedAmount=999_999_999_999_999)


@case(_DECISIONS)
async def other_currency(bench: Bench) -> None:
    """A lead in a currency you do not lend is not approved."""
    await _outside(bench, currency="JPY" if bench.expecting.currency != "JPY" else "KWD")


@case(_DECISIONS)
async def other_country(bench: Bench) -> None:
    """A lead from a country you do not cover is not approved."""
    event = bench.lead(country="NZ" if bench.expecting.country != "NZ" else "IS")
    await bench.tell(event)
    await _is_not_approved(bench, event["data"]["leadId"])


@case(_DECISIONS)
async def no_personal_data_comes_back(bench: Bench) -> None:
    """Nothing that names the applicant is in a decision."""
    attempt = await bench.decision(applicant=_person(bench.expecting.country))
    said = attempt.body.decode(errors="replace") + str(attempt.headers)
    for word in _NAMED:
        if word in said:
            raise Fault(f"{word!r} of the applicant is in the decision.")


async def _outside(bench: Bench, *, lends_up_to: int = 0, **asked: object) -> None:
    event = bench.lead(asked=asked)
    await bench.tell(event)
    await _is_not_approved(bench, event["data"]["leadId"], lends_up_to=lends_up_to)


async def _is_not_approved(bench: Bench, lead_id: str, *, lends_up_to: int = 0) -> None:
    """It is declined or left alone, or approved for what is lent."""
    await bench.settled()
    for attempt in bench.stub.attempts[lead_id]:
        decision = attempt.decision
        if decision.get("decision") == "approved" and not 0 < decision.get("approvedAmount", 0) <= lends_up_to:
            raise Fault(f"{decision.get('approvedAmount')} was approved.")
