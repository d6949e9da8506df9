"""A provider that has just registered, for the tests of its onboarding."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.records.endpoints import first_endpoint
from models.records.providers import Provider

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


def newcomer(tenant_id: str, provider_id: str, **columns: Any) -> Provider:
    """FirstCredit Bank of the owner's example, licensed until the end of 2036."""
    usual: dict[str, Any] = {
        "company_name": "FirstCredit Bank",
        "registration_number": "BC123456789",
        "licenses": [{"licenseType": "Banking License", "expiryDate": "2036-12-31"}],
        "license_expires_on": date(2036, 12, 31),
        "webhook_url": "https://newcomer.example/webhooks",
        "webhook_secret": SECRET,
    }
    return Provider(
        tenant_id=tenant_id,
        id=provider_id,
        business_email="api@firstcredit.example",
        contact_person="John Smith",
        business_type="bank",
        registration_country="US",
        minimum_amount_minor=5_000_00,
        maximum_amount_minor=500_000_00,
        amount_currency="USD",
        rate_minimum_percent=Decimal("3.5"),
        rate_maximum_percent=Decimal(18),
        countries=["US"],
        currencies=["USD"],
        **(usual | columns),
    )


async def arrived(session: AsyncSession, provider: Provider) -> None:
    """It has registered: its row, and the endpoint that comes with it."""
    session.add(provider)
    await session.flush()
    await first_endpoint(session, provider)
