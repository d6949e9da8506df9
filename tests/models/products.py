"""Products of lenders that tests know."""

from copy import deepcopy
from typing import Any

WEEKLY: dict[str, Any] = {
    "name": "Market trader",
    "currency": "USD",
    "principal": {"minimum": 100, "default": 5000, "maximum": 25000},
    "annualRate": {"minimum": 5, "default": 12.5, "maximum": 36},
    "installments": {"minimum": 4, "default": 26, "maximum": 52},
    "schedule": {
        "method": "equal_principal",
        "frequency": "weeks",
        "dayCount": "actual/365",
        "fees": [{"name": "Origination", "timing": "disbursement", "percent": 1.5}],
    },
    "servicing": {
        "remindDays": [-1],
        "missedDay": 1,
        "lateFeeDay": 2,
        "lateFeeAmount": 7.5,
        "dunningDays": [3, 6],
    },
    "delinquency": {
        "buckets": [{"name": "on time", "upToDays": 0}, {"name": "late", "upToDays": 13}, {"name": "lost"}],
        "chargeOffDays": 60,
    },
}


def weekly(**changes: Any) -> dict[str, Any]:
    """The market trader's loan, with some parts of its document exchanged."""
    return deepcopy(WEEKLY) | changes
