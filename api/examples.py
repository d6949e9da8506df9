"""The owner's own example bodies, for the API's documentation; dates that had passed are moved forward."""

from typing import Any

_APPLICANT: dict[str, Any] = {
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
}
_WANTED: dict[str, Any] = {"requestedAmount": 25000, "purpose": "Business expansion", "tenure": 365}

APPLICATION: dict[str, Any] = {
    "sarah": {
        "summary": "Sarah Johnson asks for 25,000 over a year",
        "value": {
            "applicant": _APPLICANT,
            "loanApplication": _WANTED,
            "disbursementAccount": {"accountNumber": "0001234567", "bankCode": "058"},
        },
    }
}

LEAD: dict[str, Any] = {
    "sarah": {
        "summary": "A lead the platform has assessed itself",
        "value": {
            "leadId": "lead_xyz789",
            "applicant": _APPLICANT,
            "loanApplication": _WANTED,
            "creditAssessment": {
                "creditScore": 742,
                "riskRating": "low",
                "debtToIncomeRatio": 0.49,
                "recommendations": {
                    "recommendedAmount": 25000,
                    "recommendedTenure": 365,
                    "recommendedInterestRate": 7.5,
                },
            },
        },
    }
}

PROVIDER: dict[str, Any] = {
    "firstcredit": {
        "summary": "FirstCredit Bank",
        "value": {
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
                    "expiryDate": "2036-12-31",
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
        },
    }
}

DECISION: dict[str, Any] = {
    "approved": {
        "summary": "An offer",
        "value": {
            "leadId": "lead_xyz789",
            "providerId": "provider_abc123",
            "decision": "approved",
            "approvedAmount": 25000,
            "interestRate": 8.5,
            "tenure": 365,
            "conditions": ["Employment verification required", "Proof of income for last 3 months"],
            "expiresAt": "2036-08-15T23:59:59Z",
            "customData": {"internalLoanId": "FL-2024-001234", "loanOfficer": "Mike Rodriguez"},
        },
    },
    "declined": {
        "summary": "No offer",
        "value": {"leadId": "lead_xyz789", "providerId": "provider_abc123", "decision": "declined"},
    },
}

PAYMENT: dict[str, Any] = {
    "transfer": {
        "summary": "A repayment the platform has received",
        "value": {
            "loanId": "loan_0f8x2m4q7t9w1z3c5e6g8j0kab",
            "amount": 2177.09,
            "method": "bank_transfer",
            "reference": "TRX-1",
            "receivedOn": "2036-02-01",
        },
    }
}

SME_EVENT: dict[str, Any] = {
    "payment": {
        "summary": "A repayment arrived at the platform",
        "value": {
            "eventId": "evt_1",
            "eventType": "sme.payment.received",
            "timestamp": "2036-02-01T09:00:00Z",
            "data": {
                "reference": "LOAN_loan_0f8x2m4q7t9w1z3c5e6g8j0kab",
                "amount": 2177.09,
                "currency": "USD",
                "paymentId": "sme_pay_1",
            },
        },
    },
    "identity": {
        "summary": "The platform has verified a user",
        "value": {"eventId": "evt_2", "eventType": "sme.kyc.verified", "data": {"userId": "user_42"}},
    },
}

QUOTE: dict[str, Any] = {
    "year": {
        "summary": "25,000 over twelve months at 8.2 %, with a fee of 300",
        "value": {"principal": 25000, "interestRate": 8.2, "installments": 12, "processingFee": 300},
    },
    "weeks": {
        "summary": "Equal principal by the week, on business days of Nigeria, insurance with every installment",
        "value": {
            "principal": 120000,
            "currency": "NGN",
            "interestRate": 24,
            "installments": 26,
            "frequency": "weeks",
            "method": "equal_principal",
            "businessDays": {"country": "NG"},
            "fees": [{"name": "insurance", "timing": "installment", "percent": 0.1}],
        },
    },
}

PRODUCT: dict[str, Any] = {
    "trader": {
        "summary": "Market traders: equal principal by the week, a letter after three days",
        "value": {
            "name": "Market trader",
            "currency": "USD",
            "principal": {"minimum": 100, "default": 1000, "maximum": 25000},
            "annualRate": {"minimum": 5, "default": 12.5, "maximum": 36},
            "installments": {"minimum": 4, "default": 26, "maximum": 52},
            "schedule": {
                "method": "equal_principal",
                "frequency": "weeks",
                "dayCount": "actual/365",
                "businessDays": {"country": "US", "rule": "following"},
                "fees": [{"name": "Origination", "timing": "disbursement", "percent": 1.5}],
            },
            "servicing": {
                "remindDays": [-1],
                "lateFeeDay": 2,
                "lateFeeAmount": 7.5,
                "dunningDays": [3, 6],
            },
            "delinquency": {"chargeOffDays": 120},
        },
    },
}

RATE_CARD: dict[str, Any] = {
    "usual": {
        "summary": "12.50 a lead, 1 % of what is funded, and what is given back",
        "value": {
            "currency": "USD",
            "effectiveFrom": "2027-01-01",
            "lead": {"mode": "graduated", "tiers": [{"upTo": 100, "price": 12.5}, {"price": 10}]},
            "funded": {"rates": {"mode": "volume", "tiers": [{"bps": 100}]}, "minimum": 50, "maximum": 2500},
            "monthlyMinimum": 200,
            "clawback": {"percent": 100, "daysPastDue": 30, "withinDays": 90},
            "incentives": [{"metric": "conversion_percent", "mark": 20, "discountPercent": 5}],
            "dueDays": 30,
        },
    },
}

PLUGIN: dict[str, Any] = {
    "printed": {
        "summary": "A lead, as the lender's own API takes it",
        "value": {
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
        },
    },
}

SIGNATURE: dict[str, Any] = {
    "underwriter": {
        "summary": "An underwriter approves the loan",
        "value": {
            "role": "underwriter",
            "signer": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "signature": "0x" + "5f" * 64 + "1b",
        },
    }
}

COLLATERAL_QUOTE: dict[str, Any] = {
    "amount": {
        "summary": "What a token and a half lets one borrow",
        "value": {"token": "WETH", "amount": 1.5},
    },
    "principal": {
        "summary": "How much of it covers a principal of 2,500 USDC",
        "value": {"token": "WETH", "principal": 2500, "asset": "USDC"},
    },
}

RESOLUTION: dict[str, Any] = {
    "looked": {
        "summary": "An operator has looked at it",
        "value": {"resolution": "The payment was posted twice by hand; one of them is reversed."},
    }
}
