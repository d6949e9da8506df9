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


def application() -> Json:
    """Sarah Johnson's application, with an account to pay out to."""
    body: Json = deepcopy(APPLICATION["sarah"]["value"])
    return body | {"disbursementAccount": DISBURSEMENT_ACCOUNT}
