"""The story's request bodies: the owner's, with addresses of the sandbox."""

from copy import deepcopy
from datetime import date
from typing import Any

from api.examples import APPLICATION, PROVIDER

Json = dict[str, Any]

# What the owner's body leaves masked: where the money goes.
DISBURSEMENT_ACCOUNT: Json = {"accountNumber": "0123456789", "bankCode": "058"}


def registration(company: str, number: str, webhook_url: str, *, today: date) -> Json:
    """The owner's registration for one of the story's lenders."""
    body: Json = deepcopy(PROVIDER["firstcredit"]["value"])
    body["companyName"] = company
    body["businessEmail"] = f"api@{company.split(maxsplit=1)[0].lower()}.com"
    body["businessRegistration"]["registrationNumber"] = number
    body["technicalRequirements"]["webhookUrl"] = webhook_url
    license_held = body["licenses"][0]
    license_held["expiryDate"] = max(license_held["expiryDate"], f"{today.year + 1}-12-31")
    return body


def application(product_id: str | None = None) -> Json:
    """Sarah Johnson's application, with an account to pay out to; for the standard product if none is named."""
    body: Json = deepcopy(APPLICATION["sarah"]["value"])
    if product_id is not None:
        body["productId"] = product_id
    return body | {"disbursementAccount": DISBURSEMENT_ACCOUNT}


def product_on_chain() -> Json:
    """The standard product, in US dollars, whose loans are kept on chain."""
    return {
        "name": "Standard, on chain",
        "currency": "USD",
        "principal": {"minimum": 1_000, "default": 25_000, "maximum": 1_000_000},
        "annualRate": {"minimum": 0, "default": 12, "maximum": 100},
        "installments": {"minimum": 1, "default": 12, "maximum": 120},
        "chain": {"funds": "rail"},
    }
