"""The chain's part of the demo, as a reader sees it on a screen of 80 columns."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from workers.demo.chain_table import chain_table

Json = dict[str, Any]
WIDTH = 80
CONTRACT, LOAN_KEY = f"0x{'a' * 40}", f"0x{'b' * 64}"


def event(name: str, **arguments: Any) -> Json:
    return {"blockNumber": 1_234_567, "name": name, "arguments": arguments}


def shown(*events: Json, currency: str = "USD", scale: int = 0) -> list[str]:
    chain = {
        "currency": currency,
        "scale": scale,
        "events": events,
        "standing": {"confirmed": {"state": "closed", "outstanding": 0, "interestPaid": 1074.61}},
        "transactions": [{"gasUsed": 39_337}, {"gasUsed": None}],
        "contracts": {"creditAggregator": CONTRACT},
        "loanKey": LOAN_KEY,
    }
    console = Console(file=StringIO(), width=WIDTH)
    console.print(chain_table(chain))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("currency", "scale"), [("USD", 0), ("USD", 4), ("JPY", 0), ("KWD", 0)])
def test_a_repayment_of_millions_is_shown_whole_and_in_major_units(currency: str, scale: int) -> None:
    unit = {"USD": 100, "JPY": 1, "KWD": 1000}[currency] * 10**scale
    repaid = event("Repaid", seq=16_000_000, principal=2_006 * unit, interest=str(unit), outstanding=99_922_993 * unit)

    lines = shown(repaid, currency=currency, scale=scale)

    row = next(line for line in lines if "Repaid" in line)
    amounts = [text.split(".")[0] for text in row.split()[3:]]
    assert row.split()[:3] == ["1234567", "16000000", "Repaid"]
    assert amounts == ["2,006", "1", "99,922,993"]
    assert "…" not in row


def test_a_change_of_state_is_named_beside_the_write_that_brought_it_about() -> None:
    lines = shown(
        event("Repaid", seq=15, principal=1, interest=1, outstanding=0),
        event("StateChanged", seq=15, to=6, **{"from": 2}),
    )

    assert sum("Repaid -> closed" in line for line in lines) == 1
    assert not any("StateChanged" in line for line in lines)


def test_a_change_of_state_alone_has_its_own_row() -> None:
    lines = shown(event("Funded", seq=1, principal=1), event("StateChanged", seq=2, to=7))

    assert any(line.rstrip().endswith("0.01") and "Funded" in line for line in lines)
    assert any("StateChanged -> written_off" in line for line in lines)


def test_the_contract_and_the_key_of_the_loan_can_be_copied() -> None:
    lines = shown(event("Originated", approvals=2, principal=2_500_000))

    assert any("Originated, approvals 2" in line and "25,000.00" in line for line in lines)
    assert f"contract {CONTRACT}" in lines
    assert f"loan {LOAN_KEY}" in lines
    assert "closed, outstanding 0.00, interest paid 1,074.61, 1 transactions, 39,337 gas" in lines
