"""An operator and a loan on the whole stack: restructured, paid off, and opened again over HTTP."""

from decimal import Decimal

from tests.journeys.scenes import Scene
from workers.platform import Json


async def test_a_loan_is_rescheduled_paid_off_and_opened_again_by_a_reversal(scene: Scene) -> None:
    await scene.lenders_register()
    loan = await scene.disbursed(await scene.apply())
    here = f"/api/loans/{loan['loanId']}"

    longer: Json = await scene.platform.post(f"{here}/restructure", {"type": "reschedule", "installments": 18})
    owed = (await scene.platform.get(f"{here}/payoff"))["payoff"]["total"]
    paid = await scene.platform.post(f"{here}/transactions", {"type": "repayment", "amount": owed})
    undone = {"type": "reversal", "transactionId": paid["transaction"]["transactionId"], "reason": "bounced"}
    again = await scene.platform.post(f"{here}/transactions", undone)

    assert len(longer["installments"]) == 18
    assert paid["loan"] | {"status": "closed_obligations_met", "outstanding": 0, "overpaid": 0} == paid["loan"]
    assert (again["loan"]["status"], again["transaction"]["type"]) == ("active", "reversal")
    assert Decimal(str(again["loan"]["outstanding"])) == Decimal(str(longer["outstanding"]))
    statement = await scene.platform.get(f"{here}/statement")
    assert statement["closingBalance"] == loan["terms"]["principal"]
