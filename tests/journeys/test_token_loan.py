"""Loans in tokens on a real node: principal leaves the lender's escrow, repayments come from the borrower's wallet."""

from datetime import timedelta
from decimal import Decimal

import pytest

from models.application import ApplicationStatus
from models.chain import ChainOperationKind, ChainState
from models.loan import LoanStatus
from models.offer import OfferStatus
from models.records.chain_loans import ChainLoan
from models.records.loans import Loan
from models.transactions import TransactionKind
from temporal.refusals import refusal_in
from tests.journeys.chain_town import AGGREGATOR, PEOPLE, PRINCIPAL, TOKENS, Town
from workflows.loan import TransactionOrder

K, S = ChainOperationKind, ChainState
CENT = 10**4


async def test_a_loan_in_tokens_is_paid_out_repaid_and_given_back_what_was_too_much(town: Town) -> None:
    await without_escrow_the_next_best_offer_is_there(town)
    loan = await tokens_leave_the_escrow(town)
    await an_installment_is_paid_by_wallet(town, loan)
    await only_the_chain_moves_its_money(town, loan)
    await what_is_too_much_goes_back(town, loan)
    assert await town.tasks() == []


async def without_escrow_the_next_best_offer_is_there(town: Town) -> None:
    loan = await town.agreed(TOKENS)

    await town.world.reaches(loan.application_id, ApplicationStatus.OFFERED)
    await town.written(loan.loan_id, K.TRANSITION)

    offers = [offer.status for offer in await town.world.offers(loan.application_id)]
    assert sorted(offers) == sorted([OfferStatus.LAPSED, OfferStatus.SUBMITTED])
    assert int((await town.read(AGGREGATOR, "loan", loan.loan_key))["state"]) == list(S).index(S.CANCELLED)


async def tokens_leave_the_escrow(town: Town) -> ChainLoan:
    await town.wallets.lend("USDC", Decimal(30_000))
    before = await town.holds(PEOPLE.borrower, "USDC")

    loan = await town.agreed(TOKENS)
    lent = await town.lent(loan)

    assert await town.holds(PEOPLE.borrower, "USDC") - before == PRINCIPAL
    assert await escrow(town, loan) == 5_000_000000
    payout = await town.world.payout(loan.loan_id)
    assert (payout.rail, payout.amount_minor, payout.rail_code) == ("chain", PRINCIPAL // CENT, payout.rail_code)
    assert lent.account_number is None
    await town.agrees(loan)
    return loan


async def an_installment_is_paid_by_wallet(town: Town, loan: ChainLoan) -> None:
    lent = await town.world.loan(loan.loan_id)
    await town.world.to_day(lent, lent.disbursed_on + timedelta(days=25))

    await town.wallets.pay(loan.loan_key, "USDC", Decimal(2_000))
    await town.written(loan.loan_id, K.REPAY)

    await town.agrees(loan)
    assert await escrow(town, loan) == 7_000_000000
    assert (await town.world.loan(loan.loan_id)).outstanding_minor < lent.outstanding_minor


async def only_the_chain_moves_its_money(town: Town, loan: ChainLoan) -> None:
    order = TransactionOrder("txn_said", TransactionKind.REPAYMENT, amount_minor=100_00)

    with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever carries it
        await town.world.order_again(await town.world.loan(loan.loan_id), order)

    found = refusal_in(refused.value)
    assert found is not None
    assert found[0] == "money_moves_on_chain"


async def what_is_too_much_goes_back(town: Town, loan: ChainLoan) -> None:
    owed = (await town.world.loan(loan.loan_id)).outstanding_minor
    before = await town.holds(PEOPLE.borrower, "USDC")

    await town.wallets.pay(loan.loan_key, "USDC", Decimal(owed).scaleb(-2) + 50)
    await town.written(loan.loan_id, K.RETURN_CREDIT)

    async def closed() -> Loan | None:
        found = await town.world.loan(loan.loan_id)
        return found if found.status == LoanStatus.CLOSED_OBLIGATIONS_MET else None

    await town.until(closed, "the loan to close")  # type: ignore[arg-type]
    await town.agrees(loan)
    on_chain = await town.read(AGGREGATOR, "loan", loan.loan_key)
    paid = before - await town.holds(PEOPLE.borrower, "USDC")
    assert (int(on_chain["state"]), int(on_chain["outstanding"])) == (list(S).index(S.CLOSED), 0)
    assert int(await town.read(AGGREGATOR, "creditOf", loan.loan_key)) == 0
    assert await escrow(town, loan) == 7_000_000000 + paid == 30_000_000000 + int(on_chain["interestPaid"])


async def escrow(town: Town, loan: ChainLoan) -> int:
    return int(await town.read(AGGREGATOR, "escrowOf", PEOPLE.lender.address, loan.terms["asset"]))
