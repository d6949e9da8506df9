"""Credit providers: registered, activated, listed."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from api.examples import PROVIDER
from api.idempotency import IdempotentRoute, Ids, answers_secrets
from api.onboarding import (
    AlreadyRegistered,
    Credentials,
    check_licenses,
    check_urls,
    credentials_for,
    key_row,
    provider_row,
)
from api.pagination import PageOut, Pages
from api.resources import Having, Resources
from api.schemas.providers import (
    ActivatedOut,
    OnboardingStepOut,
    ProviderDetailOut,
    ProviderIn,
    ProviderOut,
    RegisteredOut,
)
from api.schemas.values import Identifier, money, percent
from api.security import AnyCaller, Caller, TenantCaller
from models.errors import NotFound
from models.records.endpoints import first_endpoint
from models.records.providers import Provider

router = APIRouter(prefix="/api/v1/providers", tags=["providers"], route_class=IdempotentRoute)

ProviderId = Annotated[Identifier, Path(alias="providerId")]

_ACTIVE = "active"


class UnknownProvider(NotFound):
    """The tenant has no such provider."""


@router.post("/register", status_code=201)
@answers_secrets
async def register(
    body: Annotated[ProviderIn, Body(openapi_examples=PROVIDER)],
    request: Request,
    caller: TenantCaller,
    having: Having,
    ids: Ids,
) -> RegisteredOut:
    """Register a provider and show its credentials, once."""
    check_licenses((each.expiry_date for each in body.licenses), today=_today())
    check_urls(body.technical_requirements, allow_local=having.settings.is_sandbox)
    credentials = credentials_for(request, ids("provider"), live=caller.is_live)
    status = await _store(having, caller, body, credentials)
    return RegisteredOut(
        provider_id=credentials.provider_id,
        status=status,
        api_credentials=credentials.shown,
        onboarding=[
            OnboardingStepOut(step="licenses_valid", done=True),
            OnboardingStepOut(step="webhook_url_accepted", done=True),
            OnboardingStepOut(step="activated", done=status == _ACTIVE),
        ],
    )


@router.post("/{providerId}/activate")
async def activate(provider_id: ProviderId, caller: TenantCaller, having: Having) -> ActivatedOut:
    """Let a provider receive leads, if its licenses are still good."""
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await _provider_in(session, caller, provider_id)
        check_licenses((date.fromisoformat(each["expiryDate"]) for each in provider.licenses), today=_today())
        provider.status = _ACTIVE
    return ActivatedOut(provider_id=provider_id, status=_ACTIVE)


@router.get("")
async def find(caller: TenantCaller, having: Having, paging: Pages) -> PageOut[ProviderOut]:
    """The tenant's providers."""
    query = select(Provider).order_by(Provider.id).limit(paging.fetched)
    if paging.after is not None:
        query = query.where(Provider.id > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, _shown, lambda provider: (provider.id,))


@router.get("/{providerId}")
async def show(provider_id: ProviderId, caller: AnyCaller, having: Having) -> ProviderDetailOut:
    """One provider; a provider may look at itself."""
    async with having.database.transaction(caller.tenant_id) as session:
        if caller.provider_id not in (None, provider_id):
            raise UnknownProvider(f"There is no provider {provider_id}.", "providerId")
        provider = await _provider_in(session, caller, provider_id)
    return ProviderDetailOut(**_shown(provider).model_dump())


async def _store(having: Resources, caller: Caller, body: ProviderIn, credentials: Credentials) -> str:
    try:
        async with having.database.transaction(caller.tenant_id) as session:
            if known := await session.get(Provider, (caller.tenant_id, credentials.provider_id)):
                return known.status
            session.add(provider := provider_row(caller.tenant_id, body, credentials))
            await session.flush()
            await first_endpoint(session, provider)
            session.add(key_row(caller.tenant_id, credentials, live=caller.is_live))
    except IntegrityError:
        raise AlreadyRegistered(
            "A provider with this registration number is registered.", "businessRegistration.registrationNumber"
        ) from None
    return "pending"


async def _provider_in(session: AsyncSession, caller: Caller, provider_id: str) -> Provider:
    provider = await session.get(Provider, (caller.tenant_id, provider_id))
    if provider is None:
        raise UnknownProvider(f"There is no provider {provider_id}.", "providerId")
    return provider


def _shown(provider: Provider) -> ProviderOut:
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


def _today() -> date:
    return datetime.now(UTC).date()
