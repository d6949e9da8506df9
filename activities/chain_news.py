"""What a confirmed event of the chain means for its loan: money, a margin call, a sale of collateral.

An event is taken once, in the order of the chain: whoever is told of a later one first takes those before it as well.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.aftermath import ENGINE, applicant_of
from activities.books import open_day
from activities.chain_mirror import Happened, mirror
from activities.loans import locked_loan, refresh, schedule_in
from activities.notices import (
    liquidated_notice,
    liquidation_notice,
    margin_call_cured_notice,
    margin_call_notice,
)
from activities.postings import Note, post_transaction, today_of
from activities.repayments import post_payment
from models.chain import ChainState
from models.collateral import NO_DEBT
from models.errors import NotFound
from models.events import Event, EventType
from models.ids import derived_id
from models.loan import OPEN, LoanPosition, LoanRef, LoanStatus
from models.money import formatted
from models.payment import CHAIN_RAIL, PaymentKind, PaymentStatus
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment
from models.sightings import STATES
from models.transactions import Transaction, TransactionKind

_WAD = 10**18


class UnknownChainEvent(NotFound):
    """No such event of this loan is on record."""


@dataclass(frozen=True, slots=True)
class TakeNews:
    """This event is to be taken by its loan, now."""

    ref: LoanRef
    event_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _News:
    """One event, the loan it is about, and the loan's own time."""

    event: ChainEvent
    loan: Loan
    chained: ChainLoan
    at: datetime

    def minor(self, base_units: int) -> int:
        """Whole minor units; what is less than one stays on the chain."""
        return int(base_units // 10**self.chained.scale)


class ChainNewsTaking:
    """Takes events of the chain. What it has taken is marked, so that taking it again changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="ChainNewsTaking.take")
    async def take(self, taking: TakeNews) -> LoanPosition:
        """Take an event, and those before it that have not been taken."""
        ref = taking.ref
        async with self._database.transaction(ref.tenant_id) as session:
            loan = await locked_loan(session, ref)
            chained = await session.get_one(ChainLoan, (ref.tenant_id, ref.loan_id), with_for_update=True)
            for event in await _untaken(session, taking):
                meaning = _MEANINGS.get(event.name)
                if meaning is not None:
                    await meaning(session, _News(event, loan, chained, taking.at))
                event.taken_at = taking.at
            return refresh(session, loan, await schedule_in(session, loan), at=taking.at)


async def _untaken(session: AsyncSession, taking: TakeNews) -> Sequence[ChainEvent]:
    told = await session.get(ChainEvent, (taking.ref.tenant_id, taking.event_id))
    if told is None or told.loan_id != taking.ref.loan_id:
        raise UnknownChainEvent(f"Loan {taking.ref.loan_id} has no event {taking.event_id}.", "eventId")
    place = tuple_(col(ChainEvent.block_number), col(ChainEvent.log_index))
    found = await session.execute(
        select(ChainEvent)
        .where(
            col(ChainEvent.loan_id) == taking.ref.loan_id,
            col(ChainEvent.status) == EventStatus.CONFIRMED,
            col(ChainEvent.taken_at).is_(None),
            place <= (told.block_number, told.log_index),
        )
        .order_by(col(ChainEvent.block_number), col(ChainEvent.log_index))
        .with_for_update()
    )
    return found.scalars().all()


async def _paid(session: AsyncSession, news: _News) -> None:
    """Tokens have come in. Of several payments the parts of a minor unit add up, so that none is lost."""
    await _receive(session, news, await _minor_of(session, news, "amount"))


async def _minor_of(session: AsyncSession, news: _News, *parts: str) -> int:
    """What this event adds, in minor units, to what all of its kind have brought before it."""
    event = news.event
    earlier = await session.execute(
        select(ChainEvent).where(
            col(ChainEvent.loan_id) == news.loan.id,
            col(ChainEvent.name) == event.name,
            col(ChainEvent.status) == EventStatus.CONFIRMED,
            tuple_(col(ChainEvent.block_number), col(ChainEvent.log_index)) < (event.block_number, event.log_index),
        )
    )
    before = sum(_sum_of(row, parts) for row in earlier.scalars())
    return news.minor(before + _sum_of(event, parts)) - news.minor(before)


def _sum_of(event: ChainEvent, parts: Sequence[str]) -> int:
    return sum(int(event.arguments[part]) for part in parts)


async def _returned(session: AsyncSession, news: _News) -> None:
    """What was paid too much has gone back to the borrower."""
    loan = news.loan
    amount_minor = min(await _minor_of(session, news, "amount"), loan.overpaid_minor)
    if amount_minor <= 0:
        return
    refund = Transaction(
        id=derived_id("txn", loan.id, "returned", await _reference(session, news.event)),
        kind=TransactionKind.REFUND,
        on=await open_day(session, loan.tenant_id, today_of(loan, news.at)),
        amount_minor=amount_minor,
    )
    await post_transaction(session, loan, refund, at=news.at, note=Note(ENGINE, "returned on chain"))


async def _proceeds(session: AsyncSession, news: _News) -> None:
    """Collateral was sold: what it paid is a repayment, which the chain knows of already.

    The fee is no cost of the lender's and not in the books: the treasury keeps it out of the price, and what the
    borrower's collateral has paid towards the loan is the rest.
    """
    facts, chained = news.event.arguments, news.chained
    chained.told_outstanding -= int(facts["principal"])
    chained.told_interest += int(facts["interest"])
    await session.flush()
    await _receive(session, news, await _minor_of(session, news, "interest", "principal"))


async def _receive(session: AsyncSession, news: _News, amount_minor: int) -> None:
    """Post the money as any other that comes in."""
    reference, loan = await _reference(session, news.event), news.loan
    if amount_minor <= 0:
        return
    payment_id = derived_id("pay", loan.tenant_id, CHAIN_RAIL, reference)
    payment = await session.get(Payment, (loan.tenant_id, payment_id), with_for_update=True)
    if payment is None:
        payment = Payment(
            tenant_id=loan.tenant_id,
            id=payment_id,
            loan_id=loan.id,
            kind=PaymentKind.REPAYMENT,
            status=PaymentStatus.PENDING,
            method=CHAIN_RAIL,
            rail=CHAIN_RAIL,
            external_reference=reference,
            amount_minor=amount_minor,
            currency=loan.currency,
        )
        session.add(payment)
        await session.flush()
    await post_payment(session, loan, payment, None, at=news.at)


async def _reference(session: AsyncSession, event: ChainEvent) -> str:
    """The transaction, and which of its events of this name it is.

    The number of the log counts through the whole block, and is another one when a reorganization moves the transaction
    to another block; the order within the transaction stays.
    """
    earlier = await session.execute(
        select(func.count())
        .select_from(ChainEvent)
        .where(
            col(ChainEvent.loan_id) == event.loan_id,
            col(ChainEvent.block_hash) == event.block_hash,
            col(ChainEvent.tx_hash) == event.tx_hash,
            col(ChainEvent.name) == event.name,
            col(ChainEvent.log_index) < event.log_index,
        )
    )
    return f"{event.tx_hash}:{event.name}:{earlier.scalar_one()}"


async def _margin_called(session: AsyncSession, news: _News) -> None:
    cover = int(news.event.arguments["healthFactor"])
    cure_by = datetime.fromtimestamp(int(news.event.arguments["cureBy"]), UTC)
    data = {"healthFactor": factor_of(cover), "cureBy": cure_by.isoformat()}
    await _tell(session, news, EventType.MARGIN_CALLED, data)
    await _mail(session, news, lambda name: margin_call_notice(name, cover * 100 // _WAD, cure_by))


async def _margin_call_cured(session: AsyncSession, news: _News) -> None:
    data = {"healthFactor": factor_of(int(news.event.arguments["healthFactor"]))}
    await _tell(session, news, EventType.MARGIN_CALL_CURED, data)
    await _mail(session, news, margin_call_cured_notice)


async def _liquidation_started(session: AsyncSession, news: _News) -> None:
    debt = news.minor(int(news.event.arguments["debt"]))
    await _tell(session, news, EventType.LIQUIDATION_STARTED, {"debtMinor": debt, "currency": news.loan.currency})
    await _mail(session, news, liquidation_notice)


async def _settled(session: AsyncSession, news: _News) -> None:
    """The sale is over. What it has not covered is written off when there is nothing left to sell."""
    deficit = news.minor(int(news.event.arguments["deficit"]))
    state = await _state_after(session, news)
    news.chained.told_state = state
    await session.flush()
    if state is ChainState.WRITTEN_OFF and LoanStatus(news.loan.status) in OPEN:
        written_off = Transaction(
            id=derived_id("txn", news.loan.id, "liquidated", await _reference(session, news.event)),
            kind=TransactionKind.WRITE_OFF,
            on=await open_day(session, news.loan.tenant_id, today_of(news.loan, news.at)),
        )
        note = Note(ENGINE, "the collateral did not cover the loan")
        await post_transaction(session, news.loan, written_off, at=news.at, note=note)
    await _catch_up(session, news)
    data = {"deficitMinor": deficit, "currency": news.loan.currency, "state": state}
    await _tell(session, news, EventType.LIQUIDATED, data)
    left = formatted(deficit, news.loan.currency) if deficit else None
    await _mail(session, news, lambda name: liquidated_notice(name, left))


async def _catch_up(session: AsyncSession, news: _News) -> None:
    """During a sale the contract takes nothing else: what came meanwhile, or was split otherwise, is told now."""
    happened = Happened(f"sold: {news.event.tx_hash}", max(news.at, news.loan.clock_at))
    await mirror(session, news.loan, await schedule_in(session, news.loan), happened)


async def _state_after(session: AsyncSession, news: _News) -> ChainState:
    """Where the settlement has left the loan: its transaction says so in another event."""
    changed = await session.execute(
        select(ChainEvent).where(
            col(ChainEvent.loan_id) == news.loan.id,
            col(ChainEvent.block_hash) == news.event.block_hash,
            col(ChainEvent.tx_hash) == news.event.tx_hash,
            col(ChainEvent.name) == "StateChanged",
        )
    )
    targets = {int(row.arguments["seq"]): STATES[int(row.arguments["to"])] for row in changed.scalars()}
    return targets[int(news.event.arguments["seq"])]


async def _tell(session: AsyncSession, news: _News, kind: EventType, data: Mapping[str, object]) -> None:
    loan, reference = news.loan, await _reference(session, news.event)
    facts = {"loanId": loan.id, "transactionHash": news.event.tx_hash, **data}
    emit(session, loan.tenant_id, Event(kind, loan.application_id, news.at, loan.id, facts), key=reference)


async def _mail(session: AsyncSession, news: _News, notice: Callable[[str], tuple[str, str]]) -> None:
    borrower = await applicant_of(session, news.loan)
    key = f"chain:{await _reference(session, news.event)}"
    deliver(session, news.loan.tenant_id, Channel.MAIL, borrower.email, *notice(borrower.first_name), key=key)


def factor_of(wad: int) -> float | None:
    """A health factor as people read it, to four places; None without a debt, where the contract says the greatest."""
    return None if wad >= NO_DEBT else wad // 10**14 / 10**4


_MEANINGS: Mapping[str, Callable[[AsyncSession, _News], Awaitable[None]]] = {
    "Paid": _paid,
    "CreditReturned": _returned,
    "MarginCalled": _margin_called,
    "MarginCallCured": _margin_call_cured,
    "LiquidationStarted": _liquidation_started,
    "LiquidationProceeds": _proceeds,
    "LiquidationSettled": _settled,
}
