"""Secured loans on a real node: collateral comes, loses its worth, is topped up, is sold, or goes back."""

from datetime import timedelta

import pytest

from api.collateral import instructions, posted
from models.application import ApplicationStatus
from models.chain import ChainOperationKind, ChainState
from models.loan import LoanStatus
from models.records.chain_loans import ChainLoan
from models.transactions import TransactionKind
from tests.journeys.chain_town import AGGREGATOR, PEOPLE, PRINCIPAL, Town
from workflows.loan import TransactionOrder

K, S = ChainOperationKind, ChainState
FEE_BPS = 500


async def test_collateral_secures_a_loan_is_sold_when_it_must_be_and_goes_back_when_it_need_not(town: Town) -> None:
    loan = await collateral_comes_before_the_money(town)
    await a_margin_call_is_cured_by_a_top_up(town, loan)
    await what_a_sale_does_not_cover_is_written_off(town, loan)
    await town.price(2500)
    await what_is_paid_off_releases_its_collateral(town)
    await a_default_sells_what_is_owed_and_releases_the_rest(town)
    assert await town.tasks() == []


async def collateral_comes_before_the_money(town: Town) -> ChainLoan:
    loan = await town.agreed()
    asked = await instructions(town.desk, loan)
    (weth,) = [each for each in asked.tokens if each.token.symbol == "WETH"]
    waits = (await town.world.row(loan.application_id)).status

    for call in (weth.approve, weth.deposit):
        await town.sends(PEOPLE.borrower, call.to, call.data)
    lent = await town.lent(loan)

    assert waits == ApplicationStatus.SIGNING
    assert (asked.borrower, float(asked.missing)) == (PEOPLE.borrower.address, 25_000)
    assert lent.status == LoanStatus.ACTIVE
    await town.agrees(loan)
    assert float((await posted(town.desk, loan)).health_factor or 0) == pytest.approx(1.1428, abs=1e-3)
    return loan


async def a_margin_call_is_cured_by_a_top_up(town: Town, loan: ChainLoan) -> None:
    await town.price(2300)
    await town.happened(loan, "credit.collateral.margin_called")
    shown = await posted(town.desk, loan)
    row = await town.chained(loan.loan_id)

    await town.deposits(loan, 2)
    await town.happened(loan, "credit.collateral.margin_call_cured")

    assert row.margin_called_until == shown.margin_call_until is not None
    assert (await town.chained(loan.loan_id)).margin_called_until is None
    assert (await posted(town.desk, loan)).margin_call_until is None
    assert {"Please add collateral to your loan", "Your collateral is sufficient again"} <= set(await town.mails())


async def what_a_sale_does_not_cover_is_written_off(town: Town, loan: ChainLoan) -> None:
    treasury = int(await town.read(AGGREGATOR, "escrowOf", PEOPLE.treasury.address, loan.terms["asset"]))
    await town.price(1200)
    await town.happened(loan, "credit.collateral.liquidation_started")
    shown = await posted(town.desk, loan)

    paid = await town.buys(loan, 10)
    # Money over the rail while the auction runs: the contract takes it only afterwards.
    await town.world.pay(await town.world.loan(loan.loan_id), 500_00)
    paid += await town.buys(loan)
    await town.happened(loan, "credit.collateral.liquidated")
    await town.agrees(loan)

    assert shown.auction_ends_at is not None
    lost = await town.world.loan(loan.loan_id)
    on_chain = await town.read(AGGREGATOR, "loan", loan.loan_key)
    assert lost.status == LoanStatus.CLOSED_WRITTEN_OFF
    assert int(on_chain["state"]) == list(S).index(S.WRITTEN_OFF)
    assert (await town.world.balances())["credit_losses"] > 0
    net = paid - paid * FEE_BPS // 10_000
    assert PRINCIPAL - int(on_chain["outstanding"]) == pytest.approx(net + 500_000000, abs=10**4)
    earned = int(await town.read(AGGREGATOR, "escrowOf", PEOPLE.treasury.address, loan.terms["asset"])) - treasury
    assert earned == pytest.approx(paid, abs=10**4), "without a lender on chain the treasury holds proceeds and fee"


async def what_is_paid_off_releases_its_collateral(town: Town) -> None:
    before = await town.holds(PEOPLE.borrower, "WETH")
    loan = await town.agreed()
    await town.deposits(loan, 15)
    lent = await town.lent(loan)

    await town.world.pay(lent, lent.outstanding_minor)
    await town.written(loan.loan_id, K.RELEASE)

    await town.agrees(loan)
    assert await town.holds(PEOPLE.borrower, "WETH") == before
    assert (await town.world.loan(loan.loan_id)).status in {LoanStatus.CLOSED_OBLIGATIONS_MET, LoanStatus.OVERPAID}


async def a_default_sells_what_is_owed_and_releases_the_rest(town: Town) -> None:
    loan = await town.agreed()
    await town.deposits(loan, 20)
    lent = await town.lent(loan)
    held = await town.holds(PEOPLE.borrower, "WETH")
    await town.world.to_day(lent, lent.disbursed_on + timedelta(days=40))
    await town.world.order_again(lent, TransactionOrder("txn_lost", TransactionKind.CHARGE_OFF, reason="arrears"))
    await town.happened(loan, "credit.collateral.liquidation_started")

    await town.buys(loan)
    await town.written(loan.loan_id, K.RELEASE)

    await town.agrees(loan)
    assert (await town.world.loan(loan.loan_id)).outstanding_minor == 0
    assert await town.holds(PEOPLE.borrower, "WETH") > held
    assert int((await town.read(AGGREGATOR, "loan", loan.loan_key))["state"]) == list(S).index(S.CLOSED)
