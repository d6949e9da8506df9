"""A provider as it is shown: to its platform, and to itself."""

from collections.abc import Iterable

from api.schemas.providers import DeedOut, ProviderDetailOut, ProviderOut, StepOut
from api.schemas.values import money, percent
from models.onboarding import Checklist, Step
from models.records.providers import Provider, ProviderHistory


def shown(provider: Provider) -> ProviderOut:
    """One of a list."""
    currency = provider.amount_currency
    return ProviderOut(
        provider_id=provider.id,
        company_name=provider.company_name,
        status=provider.status,
        business_type=provider.business_type,
        registration_country=provider.registration_country,
        license_expires_on=provider.license_expires_on,
        minimum_loan_amount=money(provider.minimum_amount_minor, currency),
        maximum_loan_amount=money(provider.maximum_amount_minor, currency),
        currency=currency,
        interest_rate_minimum=percent(provider.rate_minimum_percent),
        interest_rate_maximum=percent(provider.rate_maximum_percent),
        geographic_coverage=provider.countries,
        supported_currencies=provider.currencies,
        webhook_url=provider.webhook_url,
    )


def shown_whole(provider: Provider, history: Iterable[ProviderHistory] | None) -> ProviderDetailOut:
    """With its checklist; with its history for the platform. None for the provider itself.

    What a sanctions list says is not told to the one it says it of.
    """
    checklist, limit = Checklist.read(provider.checklist), provider.exposure_limit_minor
    return ProviderDetailOut(
        **shown(provider).model_dump(),
        status_at=provider.status_at,
        status_reason=provider.status_reason,
        exposure_limit=None if limit is None else money(limit, provider.amount_currency),
        daily_lead_cap=provider.daily_lead_cap,
        checklist=[
            StepOut(
                step=step,
                state=mark.state,
                reason=None if step is Step.SANCTIONS_CLEAR and history is None else mark.reason,
                at=mark.at,
            )
            for step, mark in checklist.marks.items()
        ],
        missing=list(checklist.missing),
        history=None if history is None else [_deed(each) for each in history],
    )


def _deed(row: ProviderHistory) -> DeedOut:
    return DeedOut(at=row.at, actor=row.actor, action=row.action, status=row.status, reason=row.reason, data=row.data)
