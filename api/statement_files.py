"""A statement as a file: CSV for a spreadsheet, PDF for people."""

import csv
from collections.abc import Iterator
from io import StringIO

from activities.history import Recorded
from api.statement_pdf import Paper, PaperRow, printed
from api.statements import LoanStatement, kind_of
from models.money import major_units
from models.records.loans import Loan
from models.statement import Line
from models.transactions import Split

_COLUMNS = (
    "date",
    "transactionId",
    "type",
    "principal",
    "interest",
    "fees",
    "penalties",
    "overpaid",
    "change",
    "balance",
    "reversed",
)
_NOTE = (
    "The balance is what is owed by the books on each day: principal, interest earned so far, fees and penalties, less"
    " what is held for the borrower. Interest is earned every day and shown once between two transactions."
)


def csv_of(loan: Loan, found: LoanStatement) -> bytes:
    """One row for each line, between the opening and the closing balance."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    statement = found.statement
    writer.writerow(_balance_row(loan, statement.since.isoformat(), "opening_balance", statement.opening_minor))
    writer.writerows(_csv_rows(loan, found))
    writer.writerow(_balance_row(loan, statement.until.isoformat(), "closing_balance", statement.closing_minor))
    return out.getvalue().encode()


def pdf_of(loan: Loan, found: LoanStatement, *, borrower: str, lender: str, known_at: str) -> bytes:
    """The statement on paper."""
    statement = found.statement
    paper = Paper(
        lender=lender,
        title="Loan statement",
        period=f"{statement.since} to {statement.until}, amounts in {loan.currency}",
        facts=(
            ("Borrower", borrower),
            ("Loan", loan.id),
            ("Status", str(loan.status).replace("_", " ")),
            ("Principal", f"{_amount(loan.principal_minor, loan)} on {loan.disbursed_on}"),
            ("Interest rate", f"{loan.annual_rate_percent.normalize():f} % a year"),
            ("As known at", known_at),
        ),
        opening=_amount(statement.opening_minor, loan),
        closing=_amount(statement.closing_minor, loan),
        rows=[_paper_row(line, loan, found) for line in statement.lines],
        note=_NOTE,
    )
    return printed(paper)


def _csv_rows(loan: Loan, found: LoanStatement) -> Iterator[tuple[str, ...]]:
    for line in found.statement.lines:
        split = _split(line, found)
        parts = (split.principal_minor, split.interest_minor, split.fee_minor, split.penalty_minor)
        yield (
            line.on.isoformat(),
            line.transaction_id or "",
            kind_of(line, found.recorded),
            *(_plain(minor, loan) for minor in (*parts, split.overpaid_minor, line.change_minor, line.balance_minor)),
            "yes" if line.transaction_id in found.reversed else "no",
        )


def _balance_row(loan: Loan, day: str, name: str, minor: int) -> tuple[str, ...]:
    return (day, "", name, *[""] * 6, _plain(minor, loan), "no")


def _paper_row(line: Line, loan: Loan, found: LoanStatement) -> PaperRow:
    split = _split(line, found)
    return PaperRow(
        on=line.on,
        description=_words(line, found),
        principal=_or_nothing(split.principal_minor, loan),
        interest=_or_nothing(split.interest_minor, loan),
        charges=_or_nothing(split.fee_minor + split.penalty_minor, loan),
        amount=_amount(line.change_minor, loan),
        balance=_amount(line.balance_minor, loan),
        is_reversed=line.transaction_id in found.reversed,
    )


def _words(line: Line, found: LoanStatement) -> str:
    kind = kind_of(line, found.recorded)
    return "Interest and fees earned" if kind == "interest" else kind.replace("_", " ").capitalize()


def _split(line: Line, found: LoanStatement) -> Split:
    known: Recorded | None = found.recorded.get(line.transaction_id or "")
    return Split() if known is None else known.split


def _plain(minor: int, loan: Loan) -> str:
    return f"{major_units(minor, loan.currency):f}"


def _amount(minor: int, loan: Loan) -> str:
    return f"{major_units(minor, loan.currency):,f}"


def _or_nothing(minor: int, loan: Loan) -> str:
    return _amount(minor, loan) if minor else ""
