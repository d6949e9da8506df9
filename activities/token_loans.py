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
    if transaction.kind is _K.REVERSAL and await _undoes_tokens(session, loan, transaction):
        raise MoneyMovesOnChain("What has moved on chain stays there.", "reverses")
    if transaction.kind in _MOVES_MONEY and await _is_in_tokens(session, loan):
        raise MoneyMovesOnChain("The money of this loan moves in tokens, on chain.", "type")


async def check_receipt(session: AsyncSession, loan: Loan) -> None:
    """Refuse a report of money that a loan in tokens has not received."""
    if loan.on_chain and await _is_in_tokens(session, loan):
        raise MoneyMovesOnChain("The money of this loan moves in tokens, on chain.", "loanId")


async def _is_in_tokens(session: AsyncSession, loan: Loan) -> bool:
    chained = await session.get_one(ChainLoan, (loan.tenant_id, loan.id))
    return chained.funds == ChainFunds.TOKEN


async def _undoes_tokens(session: AsyncSession, loan: Loan, reversal: Transaction) -> bool:
    """Whether the money came on chain, as proceeds of collateral do for any loan, or left there."""
    undone = await session.get(TransactionRow, (loan.tenant_id, reversal.reverses))
    if undone is None:
        return False
    if undone.kind == _K.DISBURSEMENT:
        return await _is_in_tokens(session, loan)
    payment = await session.get(Payment, (loan.tenant_id, undone.payment_id)) if undone.payment_id else None
    return payment is not None and payment.rail == CHAIN_RAIL
