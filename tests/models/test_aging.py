"""What a day makes of a loan in arrears, by its product and its law."""

from dataclasses import replace
from datetime import date, timedelta

from models.aging import Aging, Known, aging_of, oldest_unpaid
from models.delinquency import Pause
from models.jurisdictions import Jurisdiction
from models.product import STANDARD
from models.product_document import product_from
from tests.models.products import WEEKLY

DUE = date(2026, 3, 31)
NEW = Known()


def test_a_loan_that_owes_nothing_yet_is_current() -> None:
    assert aging_of(None, DUE, product=STANDARD, known=NEW) == Aging(
        0, "current", 1, None, None, is_charge_off_due=False
    )
    assert aging_of(DUE, DUE, product=STANDARD, known=NEW).days_past_due == 0


def test_a_loan_120_days_late_bears_no_interest_and_counts_as_lost() -> None:
    on = DUE + timedelta(days=120)

    aged = aging_of(DUE, on, product=STANDARD, known=replace(NEW, non_accrual_since=date(2026, 6, 29)))

    assert aged == Aging(120, "91-120", 3, None, date(2026, 6, 29), is_charge_off_due=True)


def test_a_product_ages_by_its_own_buckets() -> None:
    aged = aging_of(DUE, DUE + timedelta(days=20), product=product_from(WEEKLY), known=NEW)

    assert (aged.bucket, aged.is_charge_off_due) == ("lost", False)


def test_forbearance_holds_the_days() -> None:
    known = replace(NEW, pauses=(Pause(DUE + timedelta(days=6), DUE + timedelta(days=25)),))

    assert aging_of(DUE, DUE + timedelta(days=30), product=STANDARD, known=known).days_past_due == 10


def test_in_india_a_loan_is_special_from_the_end_of_its_due_date_and_npa_until_it_is_paid() -> None:
    indian = replace(STANDARD, jurisdiction=Jurisdiction.IN)

    assert aging_of(DUE + timedelta(days=1), DUE, product=indian, known=NEW).classification == "standard"
    assert aging_of(DUE, DUE, product=indian, known=NEW).classification == "sma_0"
    assert aging_of(DUE, date(2026, 6, 29), product=indian, known=NEW).classification == "npa"
    assert aging_of(DUE, date(2026, 4, 2), product=indian, known=Known("npa")).classification == "npa"


def test_the_oldest_unpaid_day_is_what_arrears_count_from() -> None:
    assert oldest_unpaid([(DUE, 0), (DUE + timedelta(days=30), 5)]) == DUE + timedelta(days=30)
    assert oldest_unpaid([(DUE, 0)]) is None
