"""Fees on the rows of a schedule."""

from collections.abc import Sequence
from dataclasses import replace

from models.fees import Fee, FeeTiming
from models.installment import Installment
from models.terms import InvalidTerms, LoanTerms


def with_fees(rows: Sequence[Installment], terms: LoanTerms) -> tuple[Installment, ...]:
    """The rows with what was agreed to be due with each of them, or on a date that lies in their period.

    A down payment bears no fee.
    """
    first = 1 if terms.down_payment_percent else 0
    fees_minor = [0] * len(rows)
    for fee in terms.fees:
        for index in _rows_of(fee, rows, first):
            row = rows[index]
            fees_minor[index] += terms.fee_minor(fee, installment_minor=row.principal_minor + row.interest_minor)
    return tuple(
        replace(row, fee_minor=fee_minor) if fee_minor else row for row, fee_minor in zip(rows, fees_minor, strict=True)
    )


def _rows_of(fee: Fee, rows: Sequence[Installment], first: int) -> Sequence[int]:
    match fee.timing:
        case FeeTiming.DISBURSEMENT:
            return ()
        case FeeTiming.INSTALLMENT:
            return range(first, len(rows))
        case _:  # DATE
            return (_row_on(fee, rows, first),)


def _row_on(fee: Fee, rows: Sequence[Installment], first: int) -> int:
    assert fee.on is not None
    for index in range(first, len(rows)):
        if fee.on <= rows[index].due_on:
            return index
    raise InvalidTerms(f"The fee {fee.name!r} would be due after the last installment.", "fees")
