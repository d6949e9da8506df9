"""Credit providers: registered, checked, approved, suspended, listed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Request
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from activities.onboarding import OrderKind, ProviderOrder
from activities.provider_rows import provider_in
from api.examples import PROVIDER
from api.idempotency import IdempotentRoute, Ids, answers_secrets
from api.onboarding import (
    AlreadyRegistered,
    Credentials,
    check_registration,
    credentials_for,
    key_row,
    provider_row,
)
from api.own import OwnOrPlatform, ProviderId
from api.pagination import PageOut, Pages
from api.provider_orders import activated, approval, known, ordered, recheck, renewal
from api.provider_views import shown, shown_whole
from api.resources import Having, Resources
from api.schemas.providers import (
    ActivatedOut,
    ApprovalIn,
    OnboardingStepOut,
    ProviderDetailOut,
    ProviderIn,
    ProviderOut,
    ReasonIn,
    RecheckIn,
    RegisteredOut,
    RenewalIn,
    StandingOut,
)
from api.security import Caller, TenantCaller
from models.onboarding import Checklist, ProviderRef, Step, StepState
from models.records.endpoints import first_endpoint
from models.records.outbox import OutboxKind, ask_relay
from models.records.providers import Provider, ProviderHistory

router = APIRouter(prefix="/api/v1/providers", tags=["providers"], route_class=IdempotentRoute)


_DEEDS_SHOWN = 100
_GOOD = frozenset({StepState.PASSED, StepState.WAIVED})
# Whoever gets past the registration has these.
_KNOWN_AT_ONCE = frozenset({Step.REGISTRATION_NUMBER_VALID, Step.LICENSES_VALID})


@router.post("/register", status_code=201)
@answers_secrets
async def register(
    body: Annotated[ProviderIn, Body(openapi_examples=PROVIDER)],
    request: Request,
    caller: TenantCaller,
    having: Having,
    ids: Ids,
) -> RegisteredOut:
    """Register a provider and show its credentials, once. Its checks begin at once."""
    check_registration(body, today=datetime.now(UTC).date(), allow_local=having.settings.is_sandbox)
    credentials = credentials_for(request, ids("provider"), live=caller.is_live)
    provider = await _store(having, caller, body, credentials)
    marks = Checklist.read(provider.checklist).marks
    return RegisteredOut(
        provider_id=credentials.provider_id,
        status=provider.status,
        api_credentials=credentials.shown,
        onboarding=[
            OnboardingStepOut(step=step, done=step in _KNOWN_AT_ONCE or mark.state in _GOOD)
            for step, mark in marks.items()
        ],
    )


@router.post("/{providerId}/activate")
async def activate(provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids) -> ActivatedOut:
    """The sandbox's short cut to an approval: what has not passed is waived. In production everything must have."""
    status = await activated(having, ProviderRef(caller.tenant_id, provider_id), caller, ids("order"))
    return ActivatedOut(provider_id=provider_id, status=status)


@router.post("/{providerId}/approve")
async def approve(
    body: ApprovalIn, provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids
) -> StandingOut:
    """Let a provider lend. Checks that are not waived and not over are waited for."""
    ref = await _ref(having, caller, provider_id)
    return await ordered(having, ref, approval(body, caller, ids("order")))


@router.post("/{providerId}/reject")
async def reject(
    body: ReasonIn, provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids
) -> StandingOut:
    """Turn a provider away, for good."""
    ref = await _ref(having, caller, provider_id)
    return await ordered(having, ref, ProviderOrder(ids("order"), OrderKind.REJECT, caller.key_id, body.reason))


@router.post("/{providerId}/suspend")
async def suspend(
    body: ReasonIn, provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids
) -> StandingOut:
    """Send a provider no more leads; loans and offers that stand are not touched."""
    ref = await _ref(having, caller, provider_id)
    return await ordered(having, ref, ProviderOrder(ids("order"), OrderKind.SUSPEND, caller.key_id, body.reason))


@router.post("/{providerId}/reinstate")
async def reinstate(
    body: ReasonIn, provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids
) -> StandingOut:
    """Let a suspended provider lend again."""
    ref = await _ref(having, caller, provider_id)
    return await ordered(having, ref, ProviderOrder(ids("order"), OrderKind.REINSTATE, caller.key_id, body.reason))


@router.post("/{providerId}/recheck")
async def check_again(
    body: RecheckIn, provider_id: ProviderId, caller: OwnOrPlatform, having: Having, ids: Ids
) -> StandingOut:
    """Have everything checked anew, with what was wrong corrected; a provider may ask for itself."""
    ref = ProviderRef(caller.tenant_id, provider_id)
    provider = await known(having.database, ref)
    return await ordered(having, ref, recheck(body, provider, caller, ids("order")))


@router.patch("/{providerId}/licenses")
async def renew(
    body: RenewalIn, provider_id: ProviderId, caller: TenantCaller, having: Having, ids: Ids
) -> StandingOut:
    """Go by these licenses from now on. Who is suspended is reinstated apart."""
    order = renewal(body, caller, ids("order"))
    return await ordered(having, await _ref(having, caller, provider_id), order)


@router.get("")
async def find(caller: TenantCaller, having: Having, paging: Pages) -> PageOut[ProviderOut]:
    """The tenant's providers."""
    query = select(Provider).order_by(Provider.id).limit(paging.fetched)
    if paging.after is not None:
        query = query.where(Provider.id > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, shown, lambda provider: (provider.id,))


@router.get("/{providerId}")
async def show(provider_id: ProviderId, caller: OwnOrPlatform, having: Having) -> ProviderDetailOut:
    """One provider, and what is missing for its approval; a provider may look at itself."""
    history = (
        select(ProviderHistory)
        .where(col(ProviderHistory.provider_id) == provider_id)
        .order_by(col(ProviderHistory.sequence).desc())
        .limit(_DEEDS_SHOWN)
    )
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await provider_in(session, ProviderRef(caller.tenant_id, provider_id))
        deeds = None if caller.provider_id else (await session.execute(history)).scalars().all()
    return shown_whole(provider, deeds)


async def _store(having: Resources, caller: Caller, body: ProviderIn, credentials: Credentials) -> Provider:
    try:
        async with having.database.transaction(caller.tenant_id) as session:
            if found := await session.get(Provider, (caller.tenant_id, credentials.provider_id)):
                return found
            provider = provider_row(caller.tenant_id, body, credentials)
            session.add(provider)
            await session.flush()
            await first_endpoint(session, provider)
            session.add(key_row(caller.tenant_id, credentials, live=caller.is_live))
            ask_relay(session, caller.tenant_id, OutboxKind.START_PROVIDER, {"providerId": provider.id})
    except IntegrityError:
        raise AlreadyRegistered(
            "A provider with this registration number is registered.", "businessRegistration.registrationNumber"
        ) from None
    return provider


async def _ref(having: Resources, caller: Caller, provider_id: str) -> ProviderRef:
    """The provider, if the tenant has it: nothing is started for one that is not there."""
    ref = ProviderRef(caller.tenant_id, provider_id)
    await known(having.database, ref)
    return ref
