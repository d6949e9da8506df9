"""Payment rails as the loan sees them: send money once, ask what became of it, open an account to be paid into.

A transfer is named by a reference of ours, and the rail refuses a second one of the same name. So sending again is safe
where the rail says that it knows nothing, and asking is the only answer to a time-out:

    send -> pending -> succeeded -> reversed (a bank may return money weeks later)
         -> failed                   conclusive: another attempt may be made
         -> unknown                  the answer was lost: `find`, never send blind
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from models.errors import Refused


class TransferStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Whom the money goes to; the account number stays out of logs and tracebacks."""

    name: str = field(repr=False)
    account_number: str = field(repr=False)
    bank_code: str
    currency: str


@dataclass(frozen=True, slots=True)
class TransferResult:
    status: TransferStatus
    reference: str
    rail_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    """An account at the rail that belongs to one loan: what arrives there is a repayment of it."""

    account_number: str
    bank_name: str


class RailUnavailable(Exception):
    """The rail did not take the request: nothing happened, and it may be made again."""


class AnswerLost(RailUnavailable):
    """The request may have reached the rail; nobody on our side knows."""


class RailRefused(Refused):
    """The rail understood and said no."""


class Rail(Protocol):
    name: str

    async def send(
        self, beneficiary: Beneficiary, amount_minor: int, currency: str, reference: str, reason: str
    ) -> TransferResult:
        """Order the transfer; a reference the rail already knows is answered with what became of it."""

    async def find(self, reference: str) -> TransferResult | None:
        """What became of a transfer; None when the rail has never heard of it, so that sending is safe."""

    async def open_virtual_account(self, customer_reference: str, currency: str, display_name: str) -> VirtualAccount:
        """The customer's account, opened on the first call and the same on every later one."""


class RailEventKind(StrEnum):
    TRANSFER_SUCCEEDED = "transfer_succeeded"
    TRANSFER_FAILED = "transfer_failed"
    TRANSFER_REVERSED = "transfer_reversed"
    PAYMENT_RECEIVED = "payment_received"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RailEvent:
    """One thing the rail told us. A rail tells it again until we answer, so `key` says whether it is news."""

    kind: RailEventKind
    key: str
    reference: str
    amount_minor: int
    currency: str
    account_number: str | None
    """The virtual account the money arrived on."""
    rail_code: str | None
    occurred_at: datetime | None
    reason: str | None
