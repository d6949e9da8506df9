"""Domain events: facts others may hear. Their names are the owner's; see docs/glossary.md."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Every name the engine emits."""

    APPLICATION_SUBMITTED = "loan.application.submitted"
    APPLICATION_APPROVED = "loan.application.approved"
    CREDIT_APPLICATION_SUBMITTED = "credit.application.submitted"
    CREDIT_APPLICATION_APPROVED = "credit.application.approved"
    STATUS_CHANGED = "credit.application.status_changed"
    OFFERS_RANKED = "credit.offers.ranked"
    OFFER_ACCEPTED = "credit.offer.accepted"
    OFFER_WITHDRAWN = "credit.offer.withdrawn"
    OFFER_LAPSED = "credit.offer.lapsed"
    INFORMATION_REQUESTED = "credit.information.requested"
    INFORMATION_PROVIDED = "credit.information.provided"
    DISBURSEMENT_COMPLETED = "credit.disbursement.completed"
    DISBURSEMENT_FAILED = "credit.disbursement.failed"
    DISBURSEMENT_RETURNED = "credit.disbursement.returned"
    REPAYMENT_DUE = "credit.repayment.due"
    REPAYMENT_MISSED = "credit.repayment.missed"
    PAYMENT_PROCESSED = "payment.processed"
    PAYMENT_FAILED = "payment.failed"
    LATE_FEE_CHARGED = "credit.late_fee.charged"
    COLLECTION_INITIATED = "credit.collection.initiated"
    COLLECTION_NOTICE = "credit.collection.notice"
    COLLECTION_CURED = "credit.collection.cured"
    PROMISE_TO_PAY = "credit.collection.promise_to_pay"
    FORBEARANCE_GRANTED = "credit.collection.forbearance"
    TRANSACTION_POSTED = "credit.transaction.posted"
    LOAN_CLOSED = "credit.loan.closed"
    LOAN_REOPENED = "credit.loan.reopened"
    MARGIN_CALLED = "credit.collateral.margin_called"
    MARGIN_CALL_CURED = "credit.collateral.margin_call_cured"
    LIQUIDATION_STARTED = "credit.collateral.liquidation_started"
    LIQUIDATED = "credit.collateral.liquidated"
    SYSTEM_ALERT = "system.alert"


class ProviderEventType(StrEnum):
    """What a credit provider is told by webhook."""

    LEAD_RECEIVED = "lead_received"
    LEAD_CLOSED = "lead_closed"
    INFORMATION_PROVIDED = "information_provided"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_NOT_SELECTED = "offer_not_selected"
    OFFER_LAPSED = "offer_lapsed"
    LOAN_FUNDED = "loan_funded"
    REPAYMENT_RECEIVED = "repayment_received"
    STATUS_CHANGED = "provider_status_changed"
    INVOICE_ISSUED = "invoice_issued"
    ENDPOINT_DISABLED = "endpoint_disabled"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one application and, once it exists, its loan. `occurred_at` is business time."""

    type: EventType
    application_id: str
    occurred_at: datetime
    loan_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    actor: str = "engine"
