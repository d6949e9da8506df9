"""A chain in memory, with the contract's arithmetic, that can be away and can refuse."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.chain_attempts import WriteOrder
from activities.chain_originations import ChainAccess
from activities.chain_writes import Written
from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import CHAIN_ID
from contracts.keccak import keccak
from contracts.loan_signing import LoanSigning
from contracts.node import Block
from contracts.typed_data import SigningDomain, sign_approval, sign_offer
from models.chain import Call, ChainOperationKind, ChainState, ContractRefused
from models.chain_mirror import Step
from models.chain_terms import ChainSite, Token
from tests.aggregator import Contract
from workers.assembly import Chain

ACCOUNTS = DevAccounts()
USDC = "0x00000000000000000000000000000000000000c1"
SITE = ChainSite(
    CHAIN_ID,
    aggregator="0x00000000000000000000000000000000000000a1",
    oracle="0x00000000000000000000000000000000000000a2",
    collateral="0x00000000000000000000000000000000000000a3",
    tokens={"USDC": Token(USDC, 6)},
)
STATES = tuple(ChainState)
UNDERWRITER = f"0x{keccak(b'UNDERWRITER_ROLE').hex()}"
_KINDS = {
    "fund": ChainOperationKind.FUND,
    "repay": ChainOperationKind.REPAY,
    "reverseRepayment": ChainOperationKind.REVERSE_REPAYMENT,
    "forgive": ChainOperationKind.FORGIVE,
    "transition": ChainOperationKind.TRANSITION,
    "writeOff": ChainOperationKind.WRITE_OFF,
    "restructure": ChainOperationKind.RESTRUCTURE,
}


class ChainAway(Exception):
    """The node does not answer."""


@dataclass
class FakeChain:
    """Applies each write once, whoever brings it how often."""

    away: bool = False
    covered: bool = True
    refusals: dict[str, str] = field(default_factory=dict)
    """By function: the error with which it is refused until it is taken out."""
    written: dict[str, Call] = field(default_factory=dict)
    loans: dict[str, Contract] = field(default_factory=dict)
    slow: asyncio.Event | None = None
    """While it is not set, writes wait."""
    slow_look: asyncio.Event | None = None
    """The same for looking a loan up, which is the last thing that is done for it."""
    looked: int = 0

    @property
    def functions(self) -> list[str]:
        """What was written, in order."""
        return [call.function for call in self.written.values()]

    def connected(self) -> Chain:
        keys = [ACCOUNTS.score_signer.key.hex()]
        return Chain(ChainAccess(self, SITE, LoanSigning(SITE, keys)), self)  # type: ignore[arg-type]

    async def head(self) -> Block:
        self._answer()
        return Block(1, "0x01", "0x00", 1_800_000_000)

    async def read(self, call: Call, *, block: int | None = None) -> Any:
        assert block is None
        self._answer()
        match call.function:
            case "approvalsNeeded":
                return 2 if call.arguments[1] >= 25_000_00 else 1
            case "hasRole":
                role, account = call.arguments
                is_operator = account == ACCOUNTS.operator.address
                is_underwriter = account in [each.address for each in (*ACCOUNTS.underwriters, ACCOUNTS.operator)]
                return is_underwriter if role == UNDERWRITER else is_operator
            case "covers":
                return {"covered": False, "needed": 100, "available": 0}
            case "maxBorrow":
                return 100 if self.covered else 40
            case "loan":
                self.looked += 1
                if self.slow_look is not None:
                    await self.slow_look.wait()
                loan = self.loans[call.arguments[0]]
                return {
                    "state": STATES.index(loan.state),
                    "outstanding": loan.outstanding,
                    "interestPaid": loan.interest,
                    "seq": loan.seq,
                }
            case _:
                raise AssertionError(call)

    async def write(self, order: WriteOrder) -> Written:
        if self.slow is not None:
            await self.slow.wait()
        self._answer()
        if error := self.refusals.get(order.call.function):
            raise ContractRefused(f"{order.call.function} is refused: {error}", error=error)
        if order.op_id not in self.written:
            self._apply(order.call)
            self.written[order.op_id] = order.call
        return Written(order.op_id, f"0x{len(self.written):064x}", len(self.written), 50_000)

    def _answer(self) -> None:
        if self.away:
            raise ChainAway("the node does not answer")

    def _apply(self, call: Call) -> None:
        arguments = call.arguments
        if call.function in {"publish", "release"}:
            return
        if call.function == "originate":
            loan_key, terms, _, approvals = arguments
            assert len(approvals) >= (2 if terms["principal"] >= 25_000_00 else 1)
            assert loan_key not in self.loans
            self.loans[loan_key] = Contract.originated(terms["principal"])
            return
        self.loans[arguments[0]].apply(step_of(_KINDS[call.function], arguments[2:]))


def step_of(kind: ChainOperationKind, given: Sequence[Any]) -> Step:
    """A write by the arguments that follow the loan and the write's own id."""
    match kind:
        case ChainOperationKind.REPAY | ChainOperationKind.REVERSE_REPAYMENT:
            return Step(kind, given[0], principal=given[1], interest=given[2])
        case ChainOperationKind.FORGIVE:
            return Step(kind, given[0], principal=given[1])
        case ChainOperationKind.RESTRUCTURE:
            return Step(kind, given[0], principal=given[1]["capitalized"])
        case ChainOperationKind.TRANSITION:
            return Step(kind, given[0], to=STATES[given[1]])
        case _:
            return Step(kind, given[0])


def approval(place: int, loan_key: str, terms: dict[str, Any]) -> tuple[str, str]:
    """An underwriter's address and signature."""
    account = ACCOUNTS.underwriters[place]
    domain = SigningDomain("CreditAggregator", SITE.chain_id, SITE.aggregator)
    return account.address, sign_approval(account.key.hex(), domain, loan_key, terms)


def offer(loan_key: str, terms: dict[str, Any]) -> tuple[str, str]:
    """The lender's address and signature."""
    domain = SigningDomain("CreditAggregator", SITE.chain_id, SITE.aggregator)
    return ACCOUNTS.lender.address, sign_offer(ACCOUNTS.lender.key.hex(), domain, loan_key, terms)
