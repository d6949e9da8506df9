"""The four state machines: what may follow what, and what is final."""

import pytest

from models.application import APPLICATION, ApplicationStatus
from models.loan import LOAN, LoanStatus
from models.offer import OFFER, OfferStatus
from models.payment import PAYMENT, PaymentStatus
from models.transitions import IllegalTransition

FINAL_APPLICATIONS = {
    "disbursed",
    "rejected",
    "no_offers",
    "offers_expired",
    "declined",
    "withdrawn",
    "cancelled",
    "disbursement_failed",
}


def test_the_ends_of_an_application_are_final() -> None:
    assert {status for status in ApplicationStatus if APPLICATION.is_final(status)} == FINAL_APPLICATIONS


def test_an_application_that_was_rejected_cannot_be_offered() -> None:
    with pytest.raises(IllegalTransition) as refused:
        APPLICATION.check(ApplicationStatus.REJECTED, ApplicationStatus.OFFERED)

    assert refused.value.field == "status"
    assert refused.value.detail == "The application is rejected; it cannot become offered."
    assert refused.value.facts() == {
        "code": "illegal_transition",
        "kind": "conflict",
        "detail": refused.value.detail,
        "field": "status",
    }


@pytest.mark.parametrize(
    "closed",
    [
        LoanStatus.CLOSED_OBLIGATIONS_MET,
        LoanStatus.CLOSED_WRITTEN_OFF,
        LoanStatus.CLOSED_REFINANCED,
        LoanStatus.SETTLED,
    ],
)
def test_a_closed_loan_opens_again_when_what_closed_it_is_undone(closed: LoanStatus) -> None:
    assert LOAN.check(closed, LoanStatus.ACTIVE) is LoanStatus.ACTIVE


def test_a_cancelled_loan_stays_cancelled() -> None:
    assert LOAN.is_final(LoanStatus.CANCELLED)


def test_an_unknown_payment_is_asked_about_and_a_failed_one_is_over() -> None:
    assert PAYMENT.check(PaymentStatus.UNKNOWN, PaymentStatus.SUCCEEDED) is PaymentStatus.SUCCEEDED
    assert PAYMENT.is_final(PaymentStatus.FAILED)
    assert not PAYMENT.is_final(PaymentStatus.SUCCEEDED)


def test_an_offer_that_was_not_selected_cannot_be_funded() -> None:
    with pytest.raises(IllegalTransition):
        OFFER.check(OfferStatus.NOT_SELECTED, OfferStatus.FUNDED)
