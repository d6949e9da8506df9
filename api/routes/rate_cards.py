"""Rate cards: the operator's, by version, and the one by which a provider is charged."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy import exists, tuple_
from sqlmodel import col, select

from activities.billing import card_in_force
from api.billing_cards import UnknownRateCard, card_of, change_card, make_card, unused_card
from api.billing_views import card_out
from api.examples import RATE_CARD
from api.idempotency import IdempotentRoute
from api.own import ProviderId, provider_of
from api.pagination import PageOut, Pages, whole
from api.resources import Having
from api.schemas.billing import CardBody, RateCardAnswerOut, RateCardOut
from api.schemas.values import Identifier
from api.security import AnyCaller, TenantCaller
from models.billing_period import month_of
from models.records.billing import BillableEventRow, RateCardRow

router = APIRouter(prefix="/api/v1", tags=["billing"], route_class=IdempotentRoute)

CardId = Annotated[Identifier, Path(alias="cardId")]
Version = Annotated[int, Path(ge=1, le=1_000_000)]
CardIn = Annotated[CardBody, Body(openapi_examples=RATE_CARD)]
OfProvider = Annotated[Identifier | None, Query(alias="providerId", description="Of one provider only.")]


@router.post("/billing/rate-cards", status_code=201)
async def make(body: CardIn, caller: TenantCaller, having: Having) -> RateCardAnswerOut:
    """Make the next version of a card: of one provider, or of all who have none of their own in this currency."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await make_card(session, caller.tenant_id, body, today=_today())
    return RateCardAnswerOut(rate_card=card_out(row, used=False))


@router.get("/billing/rate-cards")
async def cards(
    caller: TenantCaller, having: Having, paging: Pages, provider_id: OfProvider = None
) -> PageOut[RateCardOut]:
    """Every version of every card."""
    used = exists().where(
        col(BillableEventRow.rate_card_id) == col(RateCardRow.id),
        col(BillableEventRow.rate_card_version) == col(RateCardRow.version),
    )
    order = (col(RateCardRow.id), col(RateCardRow.version))
    query = select(RateCardRow, used).order_by(*order).limit(paging.fetched)
    if provider_id is not None:
        query = query.where(col(RateCardRow.provider_id) == provider_id)
    if (after := paging.position(str, whole)) is not None:
        query = query.where(tuple_(*order) > after)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = [(row, bool(is_used)) for row, is_used in await session.execute(query)]
    return paging.page(
        rows, lambda found: card_out(found[0], used=found[1]), lambda found: (found[0].id, str(found[0].version))
    )


@router.get("/billing/rate-cards/{cardId}/versions/{version}")
async def card(card_id: CardId, version: Version, caller: TenantCaller, having: Having) -> RateCardAnswerOut:
    """One version."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await card_of(session, caller.tenant_id, card_id, version)
        used = select(exists().where(col(BillableEventRow.rate_card_id) == card_id, _of_version(version)))
        is_used = bool((await session.execute(used)).scalar())
    return RateCardAnswerOut(rate_card=card_out(row, used=is_used))


@router.put("/billing/rate-cards/{cardId}/versions/{version}")
async def change(
    card_id: CardId, version: Version, body: CardIn, caller: TenantCaller, having: Having
) -> RateCardAnswerOut:
    """Change a version that has priced nothing."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await change_card(session, caller.tenant_id, card_id, version, body, today=_today())
    return RateCardAnswerOut(rate_card=card_out(row, used=False))


@router.delete("/billing/rate-cards/{cardId}/versions/{version}", status_code=204)
async def remove(card_id: CardId, version: Version, caller: TenantCaller, having: Having) -> None:
    """Remove a version that has priced nothing."""
    async with having.database.transaction(caller.tenant_id) as session:
        await session.delete(await unused_card(session, caller.tenant_id, card_id, version))


@router.get("/providers/{providerId}/rate-card")
async def own_card(
    provider_id: ProviderId,
    caller: AnyCaller,
    having: Having,
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")] = "USD",
) -> RateCardAnswerOut:
    """The card by which a provider is charged this month."""
    async with having.database.transaction(caller.tenant_id) as session:
        await provider_of(session, caller, provider_id)
        row = await card_in_force(session, provider_id, currency, month_of(_today()).first)
        if row is None:
            raise UnknownRateCard(f"No rate card for {currency} is in force.", "currency")
        used = exists().where(col(BillableEventRow.rate_card_id) == row.id, _of_version(row.version))
        is_used = bool((await session.execute(select(used))).scalar())
    return RateCardAnswerOut(rate_card=card_out(row, used=is_used))


def _of_version(version: int) -> Any:
    return col(BillableEventRow.rate_card_version) == version


def _today() -> date:
    return datetime.now(UTC).date()
