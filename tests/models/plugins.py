"""The owner's plugin as it is printed in the seed, and a lead to send with it."""

from copy import deepcopy
from typing import Any

LEAD: dict[str, Any] = {
    "eventType": "lead_received",
    "leadId": "lead_xyz789",
    "applicant": {"personalInfo": {"firstName": "Sarah", "lastName": "Johnson"}},
    "loanApplication": {"requestedAmount": 25000, "currency": "USD", "tenure": 365},
    "creditAssessment": {"creditScore": 742, "riskRating": "low", "debtToIncomeRatio": 0.49},
}

_PRINTED: dict[str, Any] = {
    "pluginName": "loan_sync_v2",
    "version": "2.1.0",
    "configuration": {
        "endpoints": {
            "baseUrl": "https://api.provider.com",
            "syncEndpoint": "/sync/loans",
            "statusEndpoint": "/loans/{id}/status",
            "webhookEndpoint": "/webhooks/caas",
        },
        "authentication": {"type": "bearer_token", "token": "provider_token_abc123"},
        "mappings": {
            "caas.leadId": "provider.applicationId",
            "caas.applicant.firstName": "provider.customer.fName",
            "caas.loanApplication.requestedAmount": "provider.loanAmount",
        },
        "transformations": [
            {
                "field": "creditScore",
                "transformation": "scale",
                "parameters": {"from": [300, 850], "to": [1, 10]},
            }
        ],
    },
    "syncFrequency": "real_time",
    "errorHandling": {"retryAttempts": 3, "backoffStrategy": "exponential", "fallbackAction": "queue"},
}


def printed() -> dict[str, Any]:
    return deepcopy(_PRINTED)


def configured(**configuration: Any) -> dict[str, Any]:
    """The owner's, with parts of its configuration replaced."""
    document = printed()
    document["configuration"] |= configuration
    return document


def both_ways(**configuration: Any) -> dict[str, Any]:
    """With the way back: the lender's answer tells a decision."""
    document = configured(**configuration)
    document["configuration"]["mappings"] |= {
        "provider.outcome": "caas.decision",
        "provider.id": "caas.externalId",
        "provider.terms.principal": "caas.approvedAmount",
        "provider.terms.ratePercent": "caas.interestRate",
        "provider.terms.days": "caas.tenure",
        "provider.terms.validUntil": "caas.expiresAt",
    }
    document["configuration"]["transformations"] += [
        {
            "field": "provider.outcome",
            "transformation": "map",
            "parameters": {"values": {"APPROVE": "approved", "REJECT": "declined"}},
        }
    ]
    return document
