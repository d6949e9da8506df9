"""What settles a loan."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from activities.history import history_in
from activities.products import agreement_of
from models.account import Payoff
from models.records.loans import Loan
from models.replay import payoff


async def payoffs_on(session: AsyncSession, loan: Loan, days: Sequence[date]) -> list[Payoff]:
    """The figure for each day, good through it."""
    agreement, history = await agreement_of(session, loan), [r.transaction for r in await history_in(session, loan)]
    return [payoff(agreement.terms, agreement.policy, history, on=day) for day in days]
