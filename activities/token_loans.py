"""Loans whose money is tokens on chain: nobody can say that it moved, or take it back."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.chain import ChainFunds
from models.errors import Conflict
from models.payment import CHAIN_RAIL
from models.records.chain_loans import ChainLoan
from models.records.loans import Loan
from models.records.payments import Payment
from models.records.transactions import TransactionRow
from models.transactions import Transaction, TransactionKind

_K = TransactionKind
_MOVES_MONEY = frozenset(
    {_K.DOWN_PAYMENT, _K.REPAYMENT, _K.SETTLEMENT, _K.REFINANCE, _K.GOODWILL_CREDIT, _K.CHARGEBACK, _K.REFUND}
)


class MoneyMovesOnChain(Conflict):
    """The loan's money is tokens."""


async def check_money(session: AsyncSession, loan: Loan, transaction: Transaction) -> None:
    """Refuse money that is only said to have moved where it moves as tokens, and the undoing of tokens that have."""
    if not loan.on_chain:
        return
    if transaction.kind is _K.REVERSAL:
        undone = await session.get(TransactionRow, (loan.tenant_id, transaction.reverses))
        payment_id = undone.payment_id if undone else None
        payment = await session.get(Payment, (loan.tenant_id, payment_id)) if payment_id else None
        if (payment and payment.rail == CHAIN_RAIL) or (undone and undone.kind == _K.DISBURSEMENT):
            await _refuse(session, loan, "reverses", always=payment is not None and payment.rail == CHAIN_RAIL)
    elif transaction.kind in _MOVES_MONEY:
        await _refuse(session, loan, "type")


async def check_receipt(session: AsyncSession, loan: Loan) -> None:
    """Refuse a report of money that a loan in tokens has not received."""
    if loan.on_chain:
        await _refuse(session, loan, "loanId")


async def _refuse(session: AsyncSession, loan: Loan, field: str, *, always: bool = False) -> None:
    chained = await session.get_one(ChainLoan, (loan.tenant_id, loan.id))
    if always or chained.funds == ChainFunds.TOKEN:
        raise MoneyMovesOnChain("This money moves in tokens, on chain, and what moved there stays.", field)
