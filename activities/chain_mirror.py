"""Leaving the writes that take a loan's chain along, in the transaction of whatever happened to the loan.

The loan's row is locked by the caller, so the writes of a loan have one order, and each its sequence number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.loans import terms_of
from contracts.keccak import keccak
from models.chain import ChainFunds, ChainOperationKind, ChainState, OperationStatus
from models.chain_mirror import Ledger, NewChainTerms, Standing, Step, Told, after, ledger_of, steps
from models.chain_terms import bps, hashes_of, seconds_of
from models.installment import Installment
from models.loan import LoanStatus
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.loans import Loan
from models.records.outbox import OutboxKind, ask_relay
from models.records.products import read_product
from models.terms import LoanTerms

_K = ChainOperationKind
AGGREGATOR, COLLATERAL, ORACLE = "CreditAggregator", "CollateralManager", "CreditScoringOracle"
_RELEASE = (COLLATERAL, "release")
_STATES = tuple(ChainState)
_ENDED = frozenset({ChainState.CLOSED, ChainState.CANCELLED})
_FUNCTIONS = {
    _K.FUND: "fund",
    _K.REPAY: "repay",
    _K.REVERSE_REPAYMENT: "reverseRepayment",
    _K.FORGIVE: "forgive",
    _K.TRANSITION: "transition",
    _K.WRITE_OFF: "writeOff",
    _K.RESTRUCTURE: "restructure",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """Why the loan is not as it was: a transaction or a step, and the new terms if it agreed on any."""

    cause: str
    at: datetime
    terms: LoanTerms | None = None
    is_restructured: bool = False


async def mirror(session: AsyncSession, loan: Loan, schedule: Sequence[Installment], happened: Happened) -> None:
    """Leave the writes that close the gap between what the chain was told and what the ledger says."""
    chained = await session.get_one(ChainLoan, (loan.tenant_id, loan.id), with_for_update=True)
    told, ledger = told_of(chained), _ledger(loan, schedule, chained)
    to_do = steps(told, ledger, lent=int(chained.terms["principal"]), is_restructured=happened.is_restructured)
    if not to_do:
        return
    for step in to_do:
        arguments = _arguments(session, loan, schedule, chained, step, happened)
        await leave(session, chained, step.kind, (AGGREGATOR, _FUNCTIONS[step.kind]), arguments, happened)
        told = after(told, step)
    if told.state in _ENDED and chained.told_state not in _ENDED:
        await _give_back(session, loan, chained, happened)
    _remember(chained, told)
    ask_chain(session, chained)


async def _give_back(session: AsyncSession, loan: Loan, chained: ChainLoan, happened: Happened) -> None:
    """The loan has ended: what is the borrower's goes back to his wallet."""
    if chained.secured:
        await leave(session, chained, _K.RELEASE, _RELEASE, [chained.loan_key], happened, names_itself=False)
    if chained.funds == ChainFunds.TOKEN and loan.overpaid_minor:
        credit = (AGGREGATOR, "returnCredit")
        await leave(session, chained, _K.RETURN_CREDIT, credit, [chained.loan_key], happened, names_itself=False)


async def call_off(session: AsyncSession, tenant_id: str, loan_id: str, *, at: datetime, reason: str) -> None:
    """The money never left: what is on chain, or on its way there, is cancelled; what was refused is dropped."""
    chained = await session.get(ChainLoan, (tenant_id, loan_id), with_for_update=True)
    if chained is None:
        return
    open_ones = await open_operations(session, tenant_id, loan_id)
    if any(each.status == OperationStatus.FAILED for each in open_ones):
        for each in open_ones:
            each.status = OperationStatus.DROPPED
        open_ones = ()
    if not open_ones and chained.told_state != ChainState.ORIGINATED:
        return
    happened = Happened(f"called off: {reason}"[:200], at)
    step = Step(_K.TRANSITION, chained.told_sequence + 1, to=ChainState.CANCELLED)
    arguments = [step.sequence, _STATES.index(ChainState.CANCELLED), reason_code("called off")]
    await leave(session, chained, step.kind, (AGGREGATOR, "transition"), arguments, happened)
    if chained.secured:
        await leave(session, chained, _K.RELEASE, _RELEASE, [chained.loan_key], happened, names_itself=False)
    _remember(chained, Told(ChainState.CANCELLED, int(chained.told_principal), 0, sequence=step.sequence))
    ask_chain(session, chained)


async def leave(
    session: AsyncSession,
    chained: ChainLoan,
    kind: ChainOperationKind,
    function: tuple[str, str],
    arguments: Sequence[Any],
    happened: Happened,
    *,
    names_itself: bool = True,
) -> ChainOperation:
    """Leave one write as the last of the loan's. Most functions are told the loan and the id of the write first."""
    last = select(func.max(col(ChainOperation.position))).where(col(ChainOperation.loan_id) == chained.loan_id)
    position = ((await session.execute(last)).scalar() or 0) + 1
    facts = (chained.tenant_id, chained.loan_id, str(position), kind, happened.cause)
    op_id = f"0x{sha256('|'.join(facts).encode()).hexdigest()}"
    operation = ChainOperation(
        tenant_id=chained.tenant_id,
        id=op_id,
        loan_id=chained.loan_id,
        position=position,
        kind=kind,
        contract=function[0],
        function=function[1],
        arguments=[chained.loan_key, op_id, *arguments] if names_itself else list(arguments),
        cause=happened.cause,
        requested_at=happened.at,
    )
    session.add(operation)
    await session.flush()
    return operation


async def open_operations(session: AsyncSession, tenant_id: str, loan_id: str) -> Sequence[ChainOperation]:
    """What is still to be written for a loan, in its order."""
    found = await session.execute(
        select(ChainOperation)
        .where(
            col(ChainOperation.tenant_id) == tenant_id,
            col(ChainOperation.loan_id) == loan_id,
            col(ChainOperation.status).in_([OperationStatus.PENDING, OperationStatus.FAILED]),
        )
        .order_by(col(ChainOperation.position))
    )
    return found.scalars().all()


def ask_chain(session: AsyncSession, chained: ChainLoan) -> None:
    """Have the relay start the workflow that carries the loan's writes out."""
    payload = {"loanId": chained.loan_id, "applicationId": chained.application_id}
    ask_relay(session, chained.tenant_id, OutboxKind.CHAIN_OPERATIONS, payload)


def told_of(chained: ChainLoan) -> Told:
    """What the chain was told of a loan."""
    return Told(
        ChainState(chained.told_state),
        int(chained.told_principal),
        int(chained.told_outstanding),
        int(chained.told_interest),
        int(chained.told_forgiven),
        chained.told_sequence,
    )


def reason_code(words: str) -> str:
    """A few letters as the 32 bytes in which the contracts keep a reason."""
    return f"0x{words.encode()[:32].ljust(32, bytes(1)).hex()}"


def _remember(chained: ChainLoan, told: Told) -> None:
    chained.told_state = told.state
    chained.told_principal = told.principal
    chained.told_outstanding = told.outstanding
    chained.told_interest = told.interest
    chained.told_forgiven = told.forgiven
    chained.told_sequence = told.sequence


def _ledger(loan: Loan, schedule: Sequence[Installment], chained: ChainLoan) -> Ledger:
    is_lost = loan.charge_off_due or loan.charged_off_on is not None
    status = LoanStatus(loan.status)
    standing = Standing(status, loan.principal_minor, loan.days_past_due, is_in_default=is_lost and status == "active")
    return ledger_of(standing, schedule, chained.scale)


def _arguments(
    session: AsyncSession,
    loan: Loan,
    schedule: Sequence[Installment],
    chained: ChainLoan,
    step: Step,
    happened: Happened,
) -> list[Any]:
    """What the function takes after the loan and the id of the write."""
    match step.kind:
        case _K.REPAY | _K.REVERSE_REPAYMENT:
            return [step.sequence, step.principal, step.interest]
        case _K.FORGIVE:
            return [step.sequence, step.principal, reason_code(loan.status)]
        case _K.WRITE_OFF:
            return [step.sequence, reason_code(loan.status)]
        case _K.TRANSITION:
            assert step.to is not None, step
            return [step.sequence, _STATES.index(step.to), reason_code(loan.delinquency_bucket)]
        case _K.RESTRUCTURE:
            new = _new_terms(happened.terms or terms_of(loan, read_product(session, loan)), schedule, chained)
            return [step.sequence, new.with_capitalized(step.principal), "0x", "0x"]
        case _:
            return [step.sequence]


def _new_terms(terms: LoanTerms, schedule: Sequence[Installment], chained: ChainLoan) -> NewChainTerms:
    """The agreement is bound by its hash, as the first one was."""
    agreement = {
        "annualRatePercent": f"{terms.annual_rate_percent:f}",
        "currency": terms.currency,
        "installments": [[row.due_on.isoformat(), row.principal_minor, row.interest_minor] for row in schedule],
        "loanId": chained.loan_id,
    }
    return NewChainTerms(
        agreement_hash=hashes_of(bytes.fromhex(chained.salt), chained.loan_id, agreement, keccak).agreement,
        apr_bps=bps(terms.annual_rate_percent),
        interest_cap_bps=int(chained.terms["interestCapBps"]),
        maturity=seconds_of(max(row.due_on for row in schedule)),
    )
