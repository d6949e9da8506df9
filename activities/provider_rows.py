"""A provider's row while it is checked, approved and watched; and what is written down and told of every change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from activities.provider_news import ProviderNews, tell_provider
from activities.provider_notices import license_notice, status_notice
from models.capacity import Capacity, assess_capacity
from models.company_numbers import InvalidRegistrationNumber, check_registration_number
from models.errors import NotFound
from models.events import ProviderEventType
from models.ids import derived_id
from models.licensing import License
from models.onboarding import Checklist, Finding, ProviderRef, ProviderStatus, Standing, Step, StepState
from models.records.outbox import Channel, deliver
from models.records.providers import Provider, ProviderHistory


class UnknownProvider(NotFound):
    """The tenant has no such provider."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, by whom, why and when; the same `key` is the same deed."""

    key: str
    action: str
    actor: str
    reason: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


async def provider_in(session: AsyncSession, ref: ProviderRef, *, lock: bool = False) -> Provider:
    """The provider's row; locked, it is ours until the transaction ends."""
    provider = await session.get(Provider, (ref.tenant_id, ref.provider_id), with_for_update=lock or None)
    if provider is None:
        raise UnknownProvider(f"There is no provider {ref.provider_id}.", "providerId")
    return provider


def standing_of(provider: Provider) -> Standing:
    """Where the row says the provider stands."""
    checklist = Checklist.read(provider.checklist)
    return Standing(ProviderStatus(provider.status), checklist.pending, checklist.failed, provider.license_expires_on)


def findings_of(provider: Provider, *, on: date) -> list[Finding]:
    """What its own row says of it, without asking anybody."""
    expires_on = provider.license_expires_on
    return [
        _finding_of_number(provider),
        Finding(Step.LICENSES_VALID, expires_on >= on, f"the first of its licenses ends on {expires_on}"),
        assess_capacity(_capacity_of(provider), on=on),
    ]


def noted(provider: Provider, findings: list[Finding], at: datetime) -> None:
    """Put what was found into the checklist."""
    checklist = Checklist.read(provider.checklist)
    for finding in findings:
        checklist = checklist.noted(finding, at)
    provider.checklist = checklist.written()


def set_licenses(provider: Provider, licenses: tuple[License, ...]) -> None:
    """The licenses as they are now; the first to end is the one that counts."""
    provider.licenses = [
        {
            "licenseType": each.license_type,
            "licenseNumber": each.license_number,
            "issuingAuthority": each.issuing_authority,
            "expiryDate": each.expiry_date.isoformat(),
        }
        for each in licenses
    ]
    provider.license_expires_on = min(each.expiry_date for each in licenses)


def history_id(provider: Provider, key: str) -> str:
    """The id of the row that a deed is written down in."""
    return derived_id("pvh", provider.tenant_id, provider.id, key)


async def is_done(session: AsyncSession, provider: Provider, key: str) -> bool:
    """Whether the deed has been written down: the step that did it lost only its answer."""
    return await session.get(ProviderHistory, (provider.tenant_id, history_id(provider, key))) is not None


async def write_down(session: AsyncSession, provider: Provider, deed: Deed) -> None:
    """Add to the provider's history."""
    row = {
        "tenant_id": provider.tenant_id,
        "id": history_id(provider, deed.key),
        "provider_id": provider.id,
        "at": deed.at,
        "actor": deed.actor,
        "action": deed.action,
        "status": provider.status,
        "reason": deed.reason,
        "data": dict(deed.data),
    }
    await session.execute(insert(ProviderHistory).values(row).on_conflict_do_nothing())


async def move(session: AsyncSession, provider: Provider, to: ProviderStatus, deed: Deed) -> None:
    """Give the provider another status, write it down and tell the provider."""
    before = provider.status
    provider.status, provider.status_at, provider.status_reason = to, deed.at, deed.reason
    await write_down(session, provider, deed)
    if to is ProviderStatus.IN_REVIEW:
        return  # it has just registered, and knows
    tell(session, provider, deed, previousStatus=str(before))
    _mail(session, provider, deed, *status_notice(provider.contact_person, provider.company_name, to, deed.reason))


def tell(session: AsyncSession, provider: Provider, deed: Deed, **facts: Any) -> None:
    """Let the provider hear how it stands, if its endpoint has shown that it is the provider's, or is trusted to be."""
    if not _hears(provider, deed):
        return
    data = {"status": str(provider.status), "reason": deed.reason, "licenseExpiresOn": str(provider.license_expires_on)}
    news = ProviderNews(ProviderEventType.STATUS_CHANGED, history_id(provider, deed.key), deed.at, data | facts)
    tell_provider(session, provider.tenant_id, provider.id, news)


def warn_of_license(session: AsyncSession, provider: Provider, deed: Deed, days: int) -> None:
    """Let the provider hear that a license is about to end."""
    tell(session, provider, deed, previousStatus=str(provider.status), daysLeft=days)
    _mail(session, provider, deed, *license_notice(provider.contact_person, provider.license_expires_on, days))


def _hears(provider: Provider, deed: Deed) -> bool:
    """Who is approved with its URL not verified is not posted to in the same breath."""
    mark = Checklist.read(provider.checklist).marks[Step.WEBHOOK_URL_VERIFIED]
    return mark.state is StepState.PASSED or (mark.state is StepState.WAIVED and mark.at != deed.at)


def _mail(session: AsyncSession, provider: Provider, deed: Deed, subject: str, text: str) -> None:
    key = f"mail:{history_id(provider, deed.key)}"
    deliver(session, provider.tenant_id, Channel.MAIL, provider.business_email, subject, text, key=key)


def _finding_of_number(provider: Provider) -> Finding:
    try:
        check_registration_number(provider.registration_number, provider.registration_country)
    except InvalidRegistrationNumber as refusal:
        return Finding(Step.REGISTRATION_NUMBER_VALID, passed=False, reason=refusal.detail)
    known = f"it has the form of a registration number of {provider.registration_country}"
    return Finding(Step.REGISTRATION_NUMBER_VALID, passed=True, reason=known)


def _capacity_of(provider: Provider) -> Capacity:
    return Capacity(
        minimum_minor=provider.minimum_amount_minor,
        maximum_minor=provider.maximum_amount_minor,
        rate_minimum_percent=provider.rate_minimum_percent,
        rate_maximum_percent=provider.rate_maximum_percent,
        countries=provider.countries,
        business_type=provider.business_type,
        exposure_limit_minor=provider.exposure_limit_minor,
        daily_lead_cap=provider.daily_lead_cap,
    )
