"""Money that moves: a disbursement or a refund out, a repayment in, and the statuses it goes through."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.transitions import Transitions

CHAIN_RAIL = "chain"
"""The rail of tokens; a payment's reference there is its transaction."""


class PaymentKind(StrEnum):
    """Which way the money goes."""

    DISBURSEMENT = "disbursement"
    REPAYMENT = "repayment"
    REFUND = "refund"


class PaymentStatus(StrEnum):
    """Where a payment stands. `unknown` is a time-out: ask by reference, never send again blind."""

    INITIATED = "initiated"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUNDED = "refunded"
    REVERSED = "reversed"


_S = PaymentStatus

PAYMENT = Transitions(
    "The payment",
    {
        _S.INITIATED: frozenset({_S.PENDING, _S.UNKNOWN, _S.SUCCEEDED, _S.FAILED}),
        _S.PENDING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.UNKNOWN}),
        _S.UNKNOWN: frozenset({_S.PENDING, _S.SUCCEEDED, _S.FAILED}),
        _S.SUCCEEDED: frozenset({_S.REFUNDED, _S.REVERSED}),
    },
)


@dataclass(frozen=True, slots=True)
class PaymentReceived:
    """A repayment that has arrived and waits to be posted. `received_on` is its value date, None for today."""

    payment_id: str
    amount_minor: int
    currency: str
    received_on: date | None


@dataclass(frozen=True, slots=True)
class TransferNews:
    """What the rail reported about the disbursement with this reference."""

    reference: str
    status: str
    rail_code: str | None = None
    reason: str | None = None
