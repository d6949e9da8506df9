"""Loan products: made, submitted, approved by another, changed by new versions, retired."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from api.examples import PRODUCT
from api.idempotency import IdempotentRoute, Ids
from api.pagination import PageOut, Pages
from api.products import (
    Acting,
    change,
    decide,
    make,
    newest_in,
    product_out,
    retire,
    submit,
    versions_in,
)
from api.resources import Having
from api.schemas.products import ProductDetailOut, ProductOut, Settings, VersionsOut, WhyIn
from api.schemas.values import Identifier
from api.security import AnyCaller, TenantCaller
from models.product_status import ProductStatus
from models.records.products import LoanProductRow

router = APIRouter(prefix="/api/products", tags=["products"], route_class=IdempotentRoute)

ProductId = Annotated[Identifier, Path(alias="productId")]
ProductIn = Annotated[Settings, Body(openapi_examples=PRODUCT)]


@router.post("", status_code=201)
async def create(body: ProductIn, actor: Acting, having: Having, ids: Ids) -> ProductDetailOut:
    """Make a product, as a draft. `providerId` names its owner; without it, the platform is."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await make(session, actor, body, ids("product"))
    return _detail(row)


@router.get("")
async def find(caller: AnyCaller, having: Having, paging: Pages) -> PageOut[ProductOut]:
    """The newest version of each product; to a provider, of its own."""
    newest = select(LoanProductRow).ext(distinct_on(col(LoanProductRow.id)))
    query = newest.order_by(col(LoanProductRow.id), col(LoanProductRow.version).desc()).limit(paging.fetched)
    if caller.provider_id is not None:
        query = query.where(col(LoanProductRow.provider_id) == caller.provider_id)
    if paging.after is not None:
        query = query.where(col(LoanProductRow.id) > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, product_out, lambda row: (row.id,))


@router.get("/{productId}")
async def show(product_id: ProductId, caller: AnyCaller, having: Having) -> ProductDetailOut:
    """The newest version."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await newest_in(session, caller, product_id)
    return _detail(row)


@router.get("/{productId}/versions")
async def versions(product_id: ProductId, caller: AnyCaller, having: Having) -> VersionsOut:
    """Every version with its history, newest first."""
    async with having.database.transaction(caller.tenant_id) as session:
        rows = await versions_in(session, caller, product_id)
    return VersionsOut(data=[product_out(row) for row in rows])


@router.put("/{productId}")
async def replace(product_id: ProductId, body: ProductIn, actor: Acting, having: Having) -> ProductDetailOut:
    """Change the draft; what has left its draft is changed by a new version, and loans keep the one they have."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await change(session, actor, product_id, body)
    return _detail(row)


@router.post("/{productId}/submit")
async def ask_for_approval(product_id: ProductId, actor: Acting, having: Having) -> ProductDetailOut:
    """Submit the draft for approval."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await submit(session, actor, product_id)
    return _detail(row)


@router.post("/{productId}/approve")
async def approve(product_id: ProductId, actor: Acting, _: TenantCaller, having: Having) -> ProductDetailOut:
    """Approve the version, with another key of the platform's than those that made it."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await decide(session, actor, product_id, ProductStatus.APPROVED)
    return _detail(row)


@router.post("/{productId}/reject")
async def reject(
    product_id: ProductId, body: WhyIn, actor: Acting, _: TenantCaller, having: Having
) -> ProductDetailOut:
    """Reject the version and say why; another key decides, as with an approval."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await decide(session, actor, product_id, ProductStatus.REJECTED, reason=body.reason)
    return _detail(row)


@router.post("/{productId}/retire")
async def take_back(product_id: ProductId, actor: Acting, _: TenantCaller, having: Having) -> ProductDetailOut:
    """Lend the product no more."""
    async with having.database.transaction(actor.caller.tenant_id) as session:
        row = await retire(session, actor, product_id)
    return _detail(row)


def _detail(row: LoanProductRow) -> ProductDetailOut:
    return ProductDetailOut(**product_out(row).model_dump())
