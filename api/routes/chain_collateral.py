"""Collateral: what it is worth before it is posted, how it is posted, and how a loan stands with it."""

from typing import Annotated

from fastapi import APIRouter, Body

from api.collateral import health_of, instructions, posted, quoted
from api.exact_json import ExactRoute
from api.examples import COLLATERAL_QUOTE
from api.resources import Having
from api.routes.chain import chained_in
from api.routes.loans import LoanId
from api.schemas.chain import (
    CollateralOut,
    CollateralQuoteIn,
    CollateralQuoteOut,
    DepositInstructionsOut,
    HealthFactorOut,
)
from api.security import TenantCaller
from models.records.chain_loans import ChainLoan

router = APIRouter(prefix="/api", tags=["chain"], route_class=ExactRoute)


@router.post("/chain/collateral/quote")
async def quote(
    body: Annotated[CollateralQuoteIn, Body(openapi_examples=COLLATERAL_QUOTE)],
    caller: TenantCaller,  # noqa: ARG001 - only who has a key may ask
    having: Having,
) -> CollateralQuoteOut:
    """What an amount of a token lets one borrow, or how much of it covers a principal. Nothing is posted."""
    return await quoted(having.chain, body)


@router.get("/loans/{loanId}/collateral")
async def show(loan_id: LoanId, caller: TenantCaller, having: Having) -> CollateralOut:
    """What is posted for the loan, and what it is good for now."""
    return await posted(having.chain, await _loan(having, caller, loan_id))


@router.get("/loans/{loanId}/collateral/deposit-instructions")
async def how_to_deposit(loan_id: LoanId, caller: TenantCaller, having: Having) -> DepositInstructionsOut:
    """Where and how the borrower posts what is missing: two transactions for each token that is taken."""
    return await instructions(having.chain, await _loan(having, caller, loan_id))


@router.get("/loans/{loanId}/collateral/health-factor")
async def health(loan_id: LoanId, caller: TenantCaller, having: Having) -> HealthFactorOut:
    """The collateral at its liquidation thresholds over the debt."""
    return await health_of(having.chain, await _loan(having, caller, loan_id))


async def _loan(having: Having, caller: TenantCaller, loan_id: str) -> ChainLoan:
    async with having.database.transaction(caller.tenant_id) as session:
        return await chained_in(session, caller, loan_id)
