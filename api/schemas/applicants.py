"""Who asks for credit, in the owner's shape."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

import phonenumbers
from pydantic import Field, ValidationInfo, field_validator

from api.schemas.values import AmountOrNothing, Country, Day, Email, In, Line, Months

IdentityKind = Literal["bvn", "nin", "phone_number", "drivers_license", "passport", "tin"]


class AddressIn(In):
    street: Line
    city: Line
    state: Line | None = None
    country: Country
    postal_code: Line | None = None


class PersonalInfoIn(In):
    first_name: Line
    last_name: Line
    email: Email
    # Before the phone number, whose local spelling depends on the country.
    address: AddressIn
    phone_number: Line
    birth_date: Day | None = None

    @field_validator("phone_number")
    @classmethod
    def _is_dialable(cls, number: str, info: ValidationInfo) -> str:
        """A number that can be dialed; whether it is anybody's is for the bureau to say."""
        address = info.data.get("address")
        try:
            phonenumbers.parse(number, address.country if address else None)
        except phonenumbers.NumberParseException as error:
            raise ValueError(f"Not a phone number: {error}") from None
        return number

    @field_validator("birth_date")
    @classmethod
    def _is_past(cls, day: date | None) -> date | None:
        if day is not None and day >= datetime.now(UTC).date():
            raise ValueError("A birth date lies in the past")
        return day


class EmploymentInfoIn(In):
    employment_status: Line
    company_name: Line | None = None
    monthly_income: AmountOrNothing
    employment_duration: Months = Field(description="In months.")


class BankAccountIn(In):
    """As the borrower knows it, often masked; the money goes to `disbursementAccount`."""

    account_number: Line
    bank_name: Line
    account_type: Line | None = None


class ExistingLoanIn(In):
    lender: Line | None = None
    outstanding_balance: AmountOrNothing | None = None
    monthly_payment: AmountOrNothing | None = None


class CreditCardIn(In):
    issuer: Line | None = None
    credit_limit: AmountOrNothing | None = None
    balance: AmountOrNothing | None = None


class FinancialInfoIn(In):
    bank_account: BankAccountIn | None = None
    monthly_expenses: AmountOrNothing
    existing_loans: list[ExistingLoanIn] = Field(default=[], max_length=100)
    credit_cards: list[CreditCardIn] = Field(default=[], max_length=100)


class ApplicantIn(In):
    personal_info: PersonalInfoIn
    employment_info: EmploymentInfoIn
    financial_info: FinancialInfoIn

    def amounts(self) -> Iterator[tuple[Decimal, str]]:
        """Every amount with its path in the body: each must be a whole number of minor units."""
        finances = self.financial_info
        yield self.employment_info.monthly_income, "applicant.employmentInfo.monthlyIncome"
        yield finances.monthly_expenses, "applicant.financialInfo.monthlyExpenses"
        held: list[tuple[str, list[ExistingLoanIn] | list[CreditCardIn]]] = [
            ("existingLoans", finances.existing_loans),
            ("creditCards", finances.credit_cards),
        ]
        for name, rows in held:
            for index, row in enumerate(rows):
                for field, value in row.model_dump(by_alias=True).items():
                    if isinstance(value, Decimal):
                        yield value, f"applicant.financialInfo.{name}[{index}].{field}"


class IdentityIn(In):
    """What the identity bureau is asked about; without it, the phone number."""

    type: IdentityKind
    number: Line
