"""A loan on chain: its states there, the writes that bring it forward, and what a write asks of a contract.

    none -> originated -> active <-> delinquent -> defaulted -> liquidating
    closed by money or forgiveness; written_off with what is left; cancelled when nothing was ever repaid

The chain has its own clock. A loan's calendar, which may be virtual, is data there and is never compared with it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.errors import Refused


class ChainState(StrEnum):
    """Where a loan stands on chain, in the order of `ICreditAggregator.State`."""

    NONE = "none"
    ORIGINATED = "originated"
    ACTIVE = "active"
    DELINQUENT = "delinquent"
    DEFAULTED = "defaulted"
    LIQUIDATING = "liquidating"
    CLOSED = "closed"
    WRITTEN_OFF = "written_off"
    CANCELLED = "cancelled"


class ChainFunds(StrEnum):
    """How principal and repayments move: over a payment rail, with the chain as a record, or as tokens on it."""

    RAIL = "rail"
    TOKEN = "token"  # noqa: S105 - no password


class ChainOperationKind(StrEnum):
    """What is written for a loan."""

    PUBLISH_SCORE = "publish_score"
    ORIGINATE = "originate"
    FUND = "fund"
    REPAY = "repay"
    REVERSE_REPAYMENT = "reverse_repayment"
    FORGIVE = "forgive"
    TRANSITION = "transition"
    WRITE_OFF = "write_off"
    RESTRUCTURE = "restructure"
    MARGIN_CALL = "margin_call"
    CLEAR_MARGIN_CALL = "clear_margin_call"
    START_LIQUIDATION = "start_liquidation"
    SETTLE_LIQUIDATION = "settle_liquidation"
    RELEASE = "release"
    RETURN_CREDIT = "return_credit"


class OperationStatus(StrEnum):
    """pending -> done | failed; an operator sends a failed one back to pending. What is called off is dropped."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"


class TransactionStatus(StrEnum):
    """signed -> sent -> confirmed | reverted; replaced by one of the same nonce that pays more."""

    SIGNED = "signed"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one of our contracts, with arguments as JSON carries them: numbers, 0x strings, lists, objects."""

    contract: str
    function: str
    arguments: tuple[Any, ...] = ()


@dataclass(eq=False)
class ContractRefused(Refused):
    """The contract says no; `error` is the name of its custom error, and `values` are what it says with it."""

    error: str = ""
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class ChainNews:
    """An event of the loan's contracts is confirmed; what it says is on record under this id."""

    event_id: str
