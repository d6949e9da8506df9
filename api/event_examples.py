"""What a message of each event looks like, for whoever writes the code that receives it."""

from typing import Any

from models.events import EventType, ProviderEventType

_AT = "2026-03-01T09:00:00+00:00"
_LEAD = {"leadId": "lead_xyz789", "loanAmount": 25000, "currency": "USD"}
_OFFER = {"leadId": "lead_xyz789", "offerId": "offer_01", "applicationId": "app_01"}
_DATA: dict[str, dict[str, Any]] = {
    ProviderEventType.LEAD_RECEIVED: _LEAD | {"riskRating": "low"},
    ProviderEventType.LEAD_CLOSED: {"leadId": "lead_xyz789", "reason": "window_closed"},
    ProviderEventType.INFORMATION_PROVIDED: _LEAD,
    ProviderEventType.OFFER_ACCEPTED: _OFFER,
    ProviderEventType.OFFER_NOT_SELECTED: _OFFER,
    ProviderEventType.OFFER_LAPSED: _OFFER,
    ProviderEventType.LOAN_FUNDED: _OFFER | {"loanId": "loan_01", "amount": 24500, "currency": "USD"},
    ProviderEventType.REPAYMENT_RECEIVED: {"loanId": "loan_01", "amount": 2177.02, "currency": "USD"},
    ProviderEventType.STATUS_CHANGED: {"status": "active"},
    ProviderEventType.INVOICE_ISSUED: {"invoiceId": "inv_01", "total": 1200, "currency": "USD"},
    ProviderEventType.ENDPOINT_DISABLED: {
        "endpointId": "ep_01",
        "url": "https://api.firstcredit.com/webhooks",
        "reason": "It answered 410 Gone.",
        "providerId": "provider_01",
    },
    ProviderEventType.TEST: {"message": "This is a test. Answer with a 2xx."},
}


def example_of(event_type: str) -> dict[str, Any]:
    """The body of a message of this type; ids and figures are made up."""
    if event_type in set(EventType):
        data = {"applicationId": "app_01", "loanId": "loan_01"}
        return {"eventId": "evt_01", "type": event_type, "timestamp": _AT, "data": data}
    return {
        "eventId": "msg_01",
        "eventType": event_type,
        "type": event_type,
        "providerId": "provider_01",
        "timestamp": _AT,
        "data": _DATA.get(event_type, {}),
        "expiresAt": None,
    }
