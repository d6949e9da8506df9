"""Sides of a loan that should say the same, and open writes that explain why one does not yet."""

from dataclasses import replace

import pytest

from models.chain import ChainOperationKind, ChainState
from models.reconciliation import Figures, OpenWrite, Sides, after_writes, differences

K, S = ChainOperationKind, ChainState
KEY, OP = "0x01", "0x02"
SAME = Figures(S.ACTIVE, 900, 60, 3)
AGREED = Sides(ledger=SAME, told=SAME, chain=SAME, seen=SAME, principal=1_000)


def write(kind: ChainOperationKind, *arguments: object, seq: int = 4) -> OpenWrite:
    return OpenWrite(kind, [KEY, OP, seq, *arguments])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (write(K.REPAY, 100, 5), (S.ACTIVE, 800, 65)),
        (write(K.REPAY, 900, 0), (S.CLOSED, 0, 60)),
        (write(K.REPAY, 100, 5, seq=3), (S.ACTIVE, 900, 60)),
        (write(K.REVERSE_REPAYMENT, 100, 5), (S.ACTIVE, 1_000, 55)),
        (write(K.FORGIVE, 100, "0x00"), (S.ACTIVE, 800, 60)),
        (write(K.RESTRUCTURE, {"capitalized": 50}, "0x", "0x"), (S.ACTIVE, 950, 60)),
        (write(K.TRANSITION, 4, "0x00"), (S.DEFAULTED, 900, 60)),
        (write(K.TRANSITION, "cancelled", "0x00"), (S.CANCELLED, 0, 60)),
        (write(K.WRITE_OFF, "0x00"), (S.WRITTEN_OFF, 900, 60)),
        (write(K.START_LIQUIDATION, 7), (S.LIQUIDATING, 900, 60)),
        (OpenWrite(K.MARGIN_CALL, [KEY]), (S.ACTIVE, 900, 60)),
        (OpenWrite(K.ORIGINATE, [KEY, {}, "0x", []]), (S.ACTIVE, 900, 60)),
    ],
)
def test_an_open_write_makes_of_the_chain_what_the_contract_would(
    given: OpenWrite, expected: tuple[ChainState, int, int]
) -> None:
    after = after_writes(replace(AGREED, writes=[given]))

    assert (after.state, after.outstanding, after.interest) == expected


def test_a_loan_that_is_not_on_chain_yet_is_there_after_its_open_writes() -> None:
    nothing = Figures(S.NONE, 0, 0, 0)
    writes = [OpenWrite(K.ORIGINATE, [KEY, {}, "0x", []]), write(K.FUND, seq=1)]
    told = Figures(S.ACTIVE, 1_000, 0, 1)

    assert differences(Sides(told, told, nothing, nothing, 1_000, writes)) == ()


def test_a_reversal_opens_a_closed_loan_again() -> None:
    closed = replace(AGREED, chain=Figures(S.CLOSED, 0, 60, 3), writes=[write(K.REVERSE_REPAYMENT, 100, 0)])

    assert after_writes(closed).state is S.ACTIVE


def test_what_a_loan_that_was_given_up_would_owe_is_not_compared() -> None:
    given_up = Figures(S.WRITTEN_OFF, 0, 60, 3)
    chain = replace(given_up, outstanding=900)

    assert differences(Sides(given_up, chain, chain, chain, 1_000)) == ()


def test_the_ledger_ages_a_loan_and_knows_nothing_of_its_sale() -> None:
    for state in (S.DELINQUENT, S.DEFAULTED, S.LIQUIDATING):
        there = replace(SAME, state=state)
        assert differences(Sides(SAME, there, there, there, 1_000)) == ()


def test_a_unit_is_held_back_while_anything_else_is_owed() -> None:
    repaid, held = Figures(S.ACTIVE, 0, 60, 3), Figures(S.ACTIVE, 1, 60, 3)

    assert differences(Sides(repaid, held, held, held, 1_000)) == ()
    assert differences(Sides(replace(repaid, state=S.CLOSED), held, held, held, 1_000)) != ()


def test_a_difference_names_what_and_both_sides() -> None:
    found = differences(replace(AGREED, seen=replace(SAME, interest=1)))

    assert [str(each) for each in found] == ["interest and fees received: seen 1, chain 60"]
