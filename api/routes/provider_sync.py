"""Two-way sync: a provider catches up with what it was told, and tells how things stand in its own system."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.provider_rows import UnknownProvider
from api.etags import check_match, tagged, version_tag
from api.idempotency import IdempotentRoute, Ids
from api.own import OwnOrPlatform, OwnProvider, ProviderId
from api.pagination import PageOut, Pages
from api.problems import PreconditionFailed
from api.provider_changes import changes_after
from api.provider_leads import lead_of
from api.provider_notices import own_loan
from api.resources import Having, resources_of
from api.schemas.provider_sync import (
    ChangesOut,
    ProviderStatusIn,
    ProviderStatusOut,
    ProviderStatusRowOut,
    RateLimitIn,
    RateLimitOut,
)
from api.security import Caller, TenantCaller
from models.records.provider_notices import ProviderStatus, SubjectKind
from models.records.providers import Provider
from models.records.quotas import RateLimit

router = APIRouter(prefix="/api/v1/providers", tags=["provider api"], route_class=IdempotentRoute)


@router.get("/{providerId}/changes")
async def changes(provider_id: ProviderId, caller: OwnProvider, having: Having, paging: Pages) -> ChangesOut:
    """Everything this provider was told, oldest first: the bodies of its webhooks, also of those that never arrived.

    Keep `nextCursor` and ask again with it, at once while `hasMore` and later when not. Nothing is ever skipped.
    """
    async with having.database.transaction(caller.tenant_id) as session:
        return await changes_after(session, provider_id, paging)


@router.post("/{providerId}/sync", response_model=ProviderStatusOut)
async def synchronize(
    provider_id: ProviderId,
    body: ProviderStatusIn,
    request: Request,
    caller: OwnProvider,
    having: Having,
    _: Ids,
) -> Response:
    """Tell how a lead or a loan is called and stands in the provider's own system.

    What is there already is changed with `If-Match` and the ETag that was answered before: 428 without it, 412 when
    another process of the provider was faster. To say the same again changes nothing and needs no tag.
    """
    async with having.database.transaction(caller.tenant_id) as session:
        key = await _subject(session, caller, provider_id, body)
        row = await session.get(ProviderStatus, (caller.tenant_id, *key), with_for_update=True)
        if row is None:
            check_match(request, 0)
            row = await _first(session, caller, key, body)
        elif _said(row) != _said(body):
            check_match(request, row.version)
            row.sqlmodel_update(_columns(body) | {"version": row.version + 1, "updated_at": datetime.now(UTC)})
        shown = _detail(row)
    return tagged(request, shown.model_dump(mode="json", by_alias=True), version_tag(row.version))


@router.get("/{providerId}/sync")
async def find_statuses(
    provider_id: ProviderId,
    caller: OwnProvider,
    having: Having,
    paging: Pages,
    kind: Annotated[SubjectKind | None, Query(description="Leads only, or loans only.")] = None,
) -> PageOut[ProviderStatusRowOut]:
    """What the provider has told of its leads and loans; each with its `version`, the ETag in quotes."""
    order = (col(ProviderStatus.kind), col(ProviderStatus.subject_id))
    query = select(ProviderStatus).where(col(ProviderStatus.provider_id) == provider_id).order_by(*order)
    if kind is not None:
        query = query.where(col(ProviderStatus.kind) == kind)
    if (after := paging.position(str, str)) is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query.limit(paging.fetched))).scalars().all()
    return paging.page(rows, _listed, lambda row: (row.kind, row.subject_id))


@router.get("/{providerId}/rate-limit", response_model=RateLimitOut)
async def show_limit(provider_id: ProviderId, request: Request, caller: OwnOrPlatform, having: Having) -> Response:
    """How many requests a minute this provider may make."""
    async with having.database.transaction(caller.tenant_id) as session:
        limit = await _limit(session, request, caller, provider_id)
    return tagged(request, limit.model_dump(mode="json", by_alias=True), version_tag(limit.version))


@router.put("/{providerId}/rate-limit", response_model=RateLimitOut)
async def set_limit(
    provider_id: ProviderId, body: RateLimitIn, request: Request, caller: TenantCaller, having: Having
) -> Response:
    """Let a provider ask more or less often, from its next request on; `If-Match` names the limit that is replaced."""
    async with having.database.transaction(caller.tenant_id) as session:
        # Two operators at once: the second waits here, and then finds that its tag is old.
        await session.get(Provider, (caller.tenant_id, provider_id), with_for_update=True)
        before = await _limit(session, request, caller, provider_id)
        check_match(request, before.version)
        changed: dict[str, Any] = {
            "requests_per_minute": body.requests_per_minute,
            "version": before.version + 1,
        }
        row = {"tenant_id": caller.tenant_id, "holder": provider_id} | changed
        await session.execute(
            insert(RateLimit).values(row).on_conflict_do_update(index_elements=["tenant_id", "holder"], set_=changed)
        )
    limit = RateLimitOut(provider_id=provider_id, **changed)
    return tagged(request, limit.model_dump(mode="json", by_alias=True), version_tag(limit.version))


async def _limit(session: AsyncSession, request: Request, caller: Caller, provider_id: str) -> RateLimitOut:
    if await session.get(Provider, (caller.tenant_id, provider_id)) is None:
        raise UnknownProvider(f"There is no provider {provider_id}.", "providerId")
    kept = await session.get(RateLimit, (caller.tenant_id, provider_id))
    standard = resources_of(request).settings.provider_requests_per_minute
    return RateLimitOut(
        provider_id=provider_id,
        requests_per_minute=kept.requests_per_minute if kept else standard,
        version=kept.version if kept else 0,
    )


async def _subject(
    session: AsyncSession, caller: Caller, provider_id: str, body: ProviderStatusIn
) -> tuple[str, SubjectKind, str]:
    """What it is about, if it is this provider's at all."""
    if body.lead_id is not None:
        await lead_of(session, provider_id, body.lead_id)
        return provider_id, SubjectKind.LEAD, body.lead_id
    assert body.loan_id is not None, "one of the two is named"
    await own_loan(session, provider_id, caller.tenant_id, body.loan_id)
    return provider_id, SubjectKind.LOAN, body.loan_id


async def _first(
    session: AsyncSession, caller: Caller, key: tuple[str, SubjectKind, str], body: ProviderStatusIn
) -> ProviderStatus:
    provider_id, kind, subject_id = key
    row = ProviderStatus(
        tenant_id=caller.tenant_id,
        provider_id=provider_id,
        kind=kind,
        subject_id=subject_id,
        version=1,
        updated_at=datetime.now(UTC),
        **_columns(body),
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError:
        raise PreconditionFailed(
            "It was told for the first time just now; read it and decide again.", "If-Match"
        ) from None
    return row


def _columns(body: ProviderStatusIn) -> dict[str, Any]:
    said = body.model_dump(mode="json")
    return {name: said[name] for name in ("internal_id", "internal_status", "details")}


def _said(told: ProviderStatus | ProviderStatusIn) -> tuple[object, ...]:
    if isinstance(told, ProviderStatusIn):
        return tuple(_columns(told).values())
    return told.internal_id, told.internal_status, told.details


def _listed(row: ProviderStatus) -> ProviderStatusRowOut:
    return ProviderStatusRowOut(
        kind=SubjectKind(row.kind),
        lead_id=row.subject_id if row.kind == SubjectKind.LEAD else None,
        loan_id=row.subject_id if row.kind == SubjectKind.LOAN else None,
        internal_id=row.internal_id,
        internal_status=row.internal_status,
        details=row.details,
        version=row.version,
        updated_at=row.updated_at,
    )


def _detail(row: ProviderStatus) -> ProviderStatusOut:
    return ProviderStatusOut(**_listed(row).model_dump())
