"""Histories of loans for tests: told briefly, or drawn at random as they may be posted."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from models.allocation import (
    STRATEGIES,
    InAdvance,
    LateCountsFrom,
    Part,
    Processing,
    RepaymentPolicy,
    by_bucket,
)
from models.dates import DayCount, Frequency
from models.errors import Refusal
from models.replay import LoanAccount, check, replay
from models.terms import LoanTerms, Method
from models.transactions import NewTerms, Transaction, TransactionKind

K = TransactionKind
LENT_ON = date(2026, 1, 1)
# One per cent a month: 12 installments of 1,066.19, the first with 120.00 of interest, the second with 110.54.
TERMS = LoanTerms(1_200_000, "USD", Decimal(12), 12)
INSTALLMENT = 106_619
POLICY = RepaymentPolicy()
RECALCULATING = RepaymentPolicy(by_bucket(), InAdvance.NEXT_INSTALLMENT, recalculates_interest=True)
FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (2, 3, 4))  # when the first installments are due


def event(kind: TransactionKind, on: date, amount_minor: int = 0, id: str = "", **rest: Any) -> Transaction:  # noqa: A002
    """A transaction; its id tells what it is, where none is given."""
    return Transaction(id or f"{kind} on {on}", kind, on, amount_minor, **rest)


def paid(amount_minor: int, on: date, id: str = "") -> Transaction:  # noqa: A002
    """A repayment."""
    return event(K.REPAYMENT, on, amount_minor, id)


def undone(id: str, on: date = LENT_ON) -> Transaction:  # noqa: A002
    """The reversal of a transaction."""
    return event(K.REVERSAL, on, id=f"{id} undone", reverses=id)


def lent(on: date = LENT_ON) -> Transaction:
    """The disbursement."""
    return event(K.DISBURSEMENT, on, TERMS.principal_minor, "lent")


def history(
    *events: Transaction, terms: LoanTerms = TERMS, policy: RepaymentPolicy = POLICY, on: date | None = None
) -> LoanAccount:
    """The account after a disbursement and these events, on the latest of their days unless another is named."""
    transactions = [event(K.DISBURSEMENT, LENT_ON, terms.principal_minor, "lent"), *events]
    return replay(terms, policy, transactions, on=on or max(each.on for each in transactions))


def posted(
    *events: Transaction, terms: LoanTerms = TERMS, policy: RepaymentPolicy = POLICY, on: date | None = None
) -> LoanAccount:
    """The same, when each of the events may be posted after the ones before it."""
    for place, each in enumerate(events):
        check(history(*events[:place], terms=terms, policy=policy, on=each.on), each)
    return history(*events, terms=terms, policy=policy, on=on)


def left(account: LoanAccount) -> list[int]:
    """What is outstanding, installment by installment."""
    return [row.outstanding_minor for row in account.installments]


def principal_left(account: LoanAccount) -> int:
    """The principal that is still to be paid."""
    return sum(row.principal_outstanding_minor for row in account.installments)


@dataclass(frozen=True)
class Life:
    """A loan, and everything that was posted to it until a day."""

    terms: LoanTerms
    policy: RepaymentPolicy
    transactions: tuple[Transaction, ...]
    today: date

    def account(self, *more: Transaction, on: date | None = None) -> LoanAccount:
        """Where it stands, perhaps after more."""
        return replay(self.terms, self.policy, [*self.transactions, *more], on=on or self.today)

    @property
    def standing(self) -> list[Transaction]:
        """The transactions that were not undone."""
        gone = {each.reverses for each in self.transactions}
        return [each for each in self.transactions if each.kind is not K.REVERSAL and each.id not in gone]


@st.composite
def loan_terms(draw: st.DrawFn) -> LoanTerms:
    """Loans by every method, by the day, the week and the month."""
    principal_minor = draw(st.sampled_from((4_321, 10_000, 77_777, 100_000)))
    installments = draw(st.sampled_from((1, 2, 3, 6)))
    method = draw(st.sampled_from(Method))
    grace = installments > 1 and method not in (Method.INTEREST_ONLY, Method.BULLET) and draw(st.booleans())
    return LoanTerms(
        principal_minor,
        "EUR",
        Decimal(draw(st.sampled_from((0, 7, 36, 84)))),
        installments,
        frequency=draw(st.sampled_from((Frequency.MONTHS, Frequency.WEEKS, Frequency.DAYS))),
        method=method,
        day_count=draw(st.sampled_from((DayCount.THIRTY_360, DayCount.ACTUAL_365))),
        processing_fee_minor=draw(st.sampled_from((0, 100))),
        principal_grace_installments=int(grace),
        down_payment_percent=Decimal(draw(st.sampled_from((0, 0, 25)))),
        balloon_minor=principal_minor // 3 if method is Method.BALLOON else 0,
    )


_ORDERS = (
    by_bucket(),
    by_bucket((Part.PENALTY, Part.FEE, Part.PRINCIPAL, Part.INTEREST)),
    by_bucket(processing=Processing.VERTICAL),
)
policies = st.builds(
    RepaymentPolicy,
    st.sampled_from((*STRATEGIES.values(), *_ORDERS)),
    st.sampled_from(InAdvance),
    st.booleans(),
    st.sampled_from(LateCountsFrom),
)
by_the_day = policies.map(
    lambda policy: replace(policy, recalculates_interest=True, late_counts_from=LateCountsFrom.PAYMENT_DATE)
)
_KINDS = (*K, *[K.REPAYMENT] * 12, K.FEE, K.PENALTY, K.FEE, K.PENALTY)
_RESTRUCTURES = (K.RESCHEDULE, K.RE_AGE, K.RE_AMORTIZE)


@st.composite
def new_terms(draw: st.DrawFn, on: date) -> NewTerms:
    """What a restructure on a day may change."""
    rate = draw(st.sampled_from((None, Decimal(5))))
    return NewTerms(rate, draw(st.sampled_from((None, 1, 4))), draw(st.sampled_from((None, on + timedelta(days=10)))))


@st.composite
def lives(draw: st.DrawFn, *, policies: st.SearchStrategy[RepaymentPolicy] = policies, most: int = 7) -> Life:
    """What may happen to a loan: posted in time or late, and nothing that is refused."""
    terms, policy = draw(loan_terms()), draw(policies)
    lent_on = today = date(2024, 1, 31)
    transactions = [event(K.DISBURSEMENT, lent_on, terms.principal_minor, "lent")]
    for place in range(draw(st.integers(0, most))):
        today += timedelta(days=draw(st.integers(0, 40)))
        on = draw(st.sampled_from((today, today, lent_on + (today - lent_on) // 2)))
        each = draw(_transactions(f"t{place}", on, terms, tuple(transactions)))
        try:
            check(replay(terms, policy, transactions, on=today), each)
            replay(terms, policy, [*transactions, each], on=today)
        except Refusal:
            continue
        transactions.append(each)
    return Life(terms, policy, tuple(transactions), today)


@st.composite
def _transactions(
    draw: st.DrawFn, name: str, on: date, terms: LoanTerms, before: tuple[Transaction, ...]
) -> Transaction:
    kind = draw(st.sampled_from(_KINDS))
    share = terms.principal_minor // terms.installments
    charge = kind in (K.FEE, K.PENALTY)
    amounts = (100, 1_500) if charge else (1, 50, share, share + 500, terms.principal_minor)
    due_on = on + timedelta(days=draw(st.integers(0, 20))) if charge and draw(st.booleans()) else None
    names = charge or kind is K.WAIVER
    return event(
        kind,
        on,
        draw(st.sampled_from(amounts)),
        name,
        part=draw(st.sampled_from(Part)) if kind is K.WAIVER else None,
        due_on=due_on,
        installment=draw(st.sampled_from((None, None, 1, terms.installments))) if names else None,
        reverses=draw(st.sampled_from(before)).id if kind is K.REVERSAL else None,
        terms=draw(new_terms(on)) if kind in _RESTRUCTURES else None,
    )
