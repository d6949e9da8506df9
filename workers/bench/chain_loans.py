"""Loans for measuring writes to a chain: what is written for each, in order, and what the chain must say at the end."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from activities.chain_writes import WriteOrder
from contracts.addresses import AddressBook
from contracts.dev_accounts import DevAccounts
from contracts.typed_data import SigningDomain, sign_approval
from models.chain import Call

TENANT = "tenant_bench"
AGGREGATOR = "CreditAggregator"
OPERATIONS_PER_LOAN = 10
_REPAYMENTS = OPERATIONS_PER_LOAN - 2
_PRINCIPAL = 10_000_00
_INTEREST = 7_25
_NOBODY = "0x" + 40 * "0"
_MATURITY = 2_000_000_000
_GOOD_UNTIL = 4_000_000_000


@dataclass(frozen=True, slots=True)
class ChainedLoan:
    """A loan that is originated, funded and repaid; odd ones to the end, even ones with something left."""

    number: int

    @property
    def loan_id(self) -> str:
        return f"loan_{self.number:06}"

    @property
    def key(self) -> str:
        """bytes32 of the loan."""
        return _digest(self.loan_id)

    @property
    def principal(self) -> int:
        return _PRINCIPAL + self.number

    @property
    def repayments(self) -> Sequence[tuple[int, int]]:
        """Principal and interest of each."""
        share = self.principal // _REPAYMENTS
        last = self.principal - share * (_REPAYMENTS - 1) if self.number % 2 else share // 2
        return [*[(share, _INTEREST)] * (_REPAYMENTS - 1), (last, _INTEREST)]

    @property
    def outstanding(self) -> int:
        """What is left at the end."""
        return self.principal - sum(principal for principal, _ in self.repayments)

    @property
    def interest_paid(self) -> int:
        return sum(interest for _, interest in self.repayments)

    def orders(self, book: AddressBook) -> list[WriteOrder]:
        """Everything that is written for it."""
        steps = [("fund", ()), *[("repay", amounts) for amounts in self.repayments]]
        return [
            self._originate(book),
            *(self._order(function, number, *amounts) for number, (function, amounts) in enumerate(steps, start=1)),
        ]

    def op_id(self, number: int) -> str:
        return _digest(f"{self.loan_id}/{number}")

    def _originate(self, book: AddressBook) -> WriteOrder:
        terms = {
            "agreementHash": _digest(f"agreement of {self.loan_id}"),
            "subject": _digest(f"subject of {self.loan_id}"),
            "borrower": _NOBODY,
            "lender": _NOBODY,
            "asset": book.assets["USD"],
            "principal": self.principal,
            "aprBps": 1200,
            "interestCapBps": 5000,
            "minScore": 0,
            "maturity": _MATURITY,
            "signedUntil": _GOOD_UNTIL,
            "onChainFunds": False,
            "secured": False,
        }
        domain = SigningDomain(AGGREGATOR, book.chain_id, book.contracts[AGGREGATOR])
        underwriter = f"0x{bytes(DevAccounts().underwriters[0].key).hex()}"
        approval = sign_approval(underwriter, domain, self.key, terms)
        call = Call(AGGREGATOR, "originate", (self.key, terms, "0x", [approval]))
        return WriteOrder(TENANT, self.loan_id, self.op_id(0), call)

    def _order(self, function: str, number: int, *amounts: int) -> WriteOrder:
        op_id = self.op_id(number)
        return WriteOrder(TENANT, self.loan_id, op_id, Call(AGGREGATOR, function, (self.key, op_id, number, *amounts)))


def _digest(text: str) -> str:
    return f"0x{hashlib.sha256(text.encode()).hexdigest()}"
