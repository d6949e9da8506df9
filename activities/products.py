"""What a loan was agreed to be, read with the loan."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from activities.loans import terms_of
from models.allocation import RepaymentPolicy
from models.product import LoanProduct
from models.records.loans import Loan
from models.records.products import product_of
from models.terms import LoanTerms


@dataclass(frozen=True, slots=True)
class Agreement:
    """The version of the product a loan was born with, and the terms that came of it."""

    product: LoanProduct
    terms: LoanTerms

    @property
    def policy(self) -> RepaymentPolicy:
        """Where its payments go."""
        return self.product.policy


async def agreement_of(session: AsyncSession, loan: Loan) -> Agreement:
    """The agreement of a loan."""
    product = await product_of(session, loan)
    return Agreement(product, terms_of(loan, product))
