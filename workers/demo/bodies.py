"""The story's request bodies: the owner's, as printed, with addresses of the sandbox and dates that have not passed."""

from copy import deepcopy
from datetime import date
from typing import Any

Json = dict[str, Any]

FIRST_CREDIT: Json = {
    "companyName": "FirstCredit Bank",
    "businessEmail": "api@firstcredit.com",
    "contactPerson": "John Smith",
    "businessRegistration": {
        "registrationNumber": "BC123456789",
        "businessType": "bank",
        "registrationCountry": "US",
    },
    "licenses": [
        {
            "licenseType": "Banking License",
            "licenseNumber": "BL-2024-001",
            "issuingAuthority": "Federal Reserve",
            "expiryDate": "2026-12-31",
        }
    ],
    "creditCapacity": {
        "minimumLoanAmount": 5000,
        "maximumLoanAmount": 500000,
        "interestRateRange": {"minimum": 3.5, "maximum": 18.0},
        "geographicCoverage": ["US", "CA"],
        "supportedCurrencies": ["USD", "CAD"],
    },
    "technicalRequirements": {
        "webhookUrl": "https://api.firstcredit.com/webhooks/caas",
        "apiEndpoints": {
            "baseUrl": "https://api.firstcredit.com",
            "loanApplicationEndpoint": "/loans/applications",
            "statusEndpoint": "/loans/{id}/status",
        },
        "authMethod": "bearer_token",
    },
}

APPLICATION: Json = {
    "applicant": {
        "personalInfo": {
            "firstName": "Sarah",
            "lastName": "Johnson",
            "email": "sarah@email.com",
            "phoneNumber": "+1-555-0123",
            "address": {
                "street": "123 Main St",
                "city": "New York",
                "state": "NY",
                "country": "US",
                "postalCode": "10001",
            },
        },
        "employmentInfo": {
            "employmentStatus": "employed",
            "companyName": "Tech Corp",
            "monthlyIncome": 8500,
            "employmentDuration": 36,
        },
        "financialInfo": {
            "bankAccount": {"accountNumber": "****1234", "bankName": "Chase Bank", "accountType": "savings"},
            "monthlyExpenses": 4200,
            "existingLoans": [],
            "creditCards": [],
        },
    },
    "loanApplication": {"requestedAmount": 25000, "purpose": "Business expansion", "tenure": 365},
}

# What the owner's body leaves masked: where the money goes.
DISBURSEMENT_ACCOUNT: Json = {"accountNumber": "0123456789", "bankCode": "058"}


def registration(company: str, number: str, webhook_url: str, *, today: date) -> Json:
    """The owner's registration for one of the story's lenders."""
    body = deepcopy(FIRST_CREDIT)
    body["companyName"] = company
    body["businessEmail"] = f"api@{company.split(maxsplit=1)[0].lower()}.com"
    body["businessRegistration"]["registrationNumber"] = number
    body["technicalRequirements"]["webhookUrl"] = webhook_url
    license_held = body["licenses"][0]
    license_held["expiryDate"] = max(license_held["expiryDate"], f"{today.year + 1}-12-31")
    return body


def application() -> Json:
    """Sarah Johnson's application, with an account to pay out to."""
    return deepcopy(APPLICATION) | {"disbursementAccount": DISBURSEMENT_ACCOUNT}
