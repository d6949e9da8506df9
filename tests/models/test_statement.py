"""What a borrower reads: one line for each transaction, interest in between, and balances that add up."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.statement import Movement, statement_of

_JANUARY, _JUNE = date(2026, 1, 1), date(2026, 6, 30)


def moved(day: int, change: int, transaction: str | None = None, principal: int = 0, month: int = 2) -> Movement:
    return Movement(date(2026, month, day), transaction, transaction or "Interest", change, principal)


def test_a_statement_runs_from_the_loan_to_what_is_owed() -> None:
    lent = moved(1, 1_200_00, "lent", 1_200_00)
    movements = [lent, moved(2, 50), moved(3, 50), moved(28, -106_61, "paid", -105_61)]

    statement = statement_of(movements, since=_JANUARY, until=_JUNE)

    assert [(line.on.day, line.change_minor, line.balance_minor) for line in statement.lines] == [
        (1, 1_200_00, 1_200_00),
        (3, 1_00, 1_201_00),
        (28, -106_61, 1_094_39),
    ]
    assert statement.lines[-1].principal_balance_minor == 1_094_39
    assert (statement.opening_minor, statement.closing_minor) == (0, 1_094_39)


def test_what_lies_before_is_the_opening_balance_and_what_comes_after_is_left_out() -> None:
    movements = [moved(1, 1_000, "lent", 1_000), moved(5, -100, "paid", -90, month=3), moved(5, -100, "later", month=4)]

    statement = statement_of(movements, since=date(2026, 3, 1), until=date(2026, 3, 31))

    assert (statement.opening_minor, statement.closing_minor) == (1_000, 900)
    assert [(line.transaction_id, line.principal_balance_minor) for line in statement.lines] == [("paid", 910)]


def test_an_empty_month_closes_as_it_opened() -> None:
    statement = statement_of([moved(1, 500, "lent")], since=date(2026, 3, 1), until=date(2026, 3, 31))

    assert (statement.opening_minor, statement.closing_minor, statement.lines) == (500, 500, ())


def test_a_booking_made_anew_is_one_line_that_shows_what_is_true() -> None:
    movements = [moved(1, 1_000, "lent"), moved(9, -100, "paid"), moved(9, 100, "paid"), moved(9, -80, "paid")]

    statement = statement_of(movements, since=_JANUARY, until=_JUNE)

    assert [(line.transaction_id, line.change_minor) for line in statement.lines] == [("lent", 1_000), ("paid", -80)]


def test_a_reversed_payment_keeps_its_line_and_moves_nothing() -> None:
    statement = statement_of(
        [moved(9, -100, "paid"), moved(9, 100, "paid"), moved(10, 5), moved(10, -5)], since=_JANUARY, until=_JUNE
    )

    assert [(line.transaction_id, line.change_minor) for line in statement.lines] == [("paid", 0)]


def test_a_payment_recorded_late_stands_on_its_day() -> None:
    statement = statement_of([moved(9, -100, "later"), moved(2, -50, "earlier")], since=_JANUARY, until=_JUNE)

    assert [line.transaction_id for line in statement.lines] == ["earlier", "later"]


@given(
    st.lists(
        st.builds(
            Movement,
            on=st.dates(_JANUARY, _JUNE + timedelta(days=30)),
            transaction_id=st.none() | st.sampled_from(["a", "b", "c"]),
            description=st.just("x"),
            change_minor=st.integers(-1_000, 1_000),
            principal_change_minor=st.integers(-1_000, 1_000),
        )
    ),
    st.dates(_JANUARY, _JUNE),
)
def test_the_lines_lead_from_the_opening_to_the_closing_balance(movements: list[Movement], since: date) -> None:
    statement = statement_of(movements, since=since, until=_JUNE)

    assert statement.opening_minor + sum(line.change_minor for line in statement.lines) == statement.closing_minor
    assert statement.closing_minor == sum(m.change_minor for m in movements if m.on <= _JUNE)
