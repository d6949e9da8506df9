"""What is done with loan products: made by one key, approved by another, changed by a new version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Header
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.calendars import holiday_calendar
from api.schemas.products import ActOut, ProductOut
from api.security import AnyCaller, Caller
from models.document import located
from models.errors import Conflict, NotFound, Refused
from models.product_document import document_of, product_from
from models.product_status import PRODUCT, ProductStatus, check_checker
from models.records.products import LoanProductRow
from models.records.providers import Provider
from models.records.tenants import Tenant

_S = ProductStatus
_MAKING = frozenset({"made", "changed", "submitted"})
_CALENDAR_YEARS = 15  # longer than the longest tenure


class UnknownProduct(NotFound):
    """The caller has no such product."""


class UnknownOwner(Refused):
    """A product belongs to the tenant or to one of its providers."""


class ProductPending(Conflict):
    """The version waits for its approval; it is decided on before there is another."""


class ProductNotLent(Refused):
    """No version of the product is approved, so nobody can apply for it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on a product now: the key that was used, and the name of the person if the caller says it."""

    caller: Caller
    operator: str | None
    at: datetime

    def did(self, action: str, *, reason: str | None = None) -> dict[str, Any]:
        """An entry of a version's history."""
        named = {"operator": self.operator, "reason": reason}
        entry = {"action": action, "keyId": self.caller.key_id, "at": self.at.isoformat()}
        return entry | {name: value for name, value in named.items() if value is not None}


async def _actor(
    caller: AnyCaller,
    operator: Annotated[
        str | None,
        Header(alias="X-Operator", max_length=100, description="The person who acts; kept, and not relied upon."),
    ] = None,
) -> Actor:
    return Actor(caller, operator, datetime.now(UTC))


Acting = Annotated[Actor, Depends(_actor)]


async def make(session: AsyncSession, actor: Actor, body: dict[str, Any], product_id: str) -> LoanProductRow:
    """The first version, a draft. The same id is the same product. A provider makes products of its own only."""
    tenant_id = actor.caller.tenant_id
    settings = {name: value for name, value in body.items() if name != "providerId"}
    owner = body.get("providerId") or actor.caller.provider_id
    if known := await session.get(LoanProductRow, (tenant_id, product_id, 1)):
        return known
    await _check_owner(session, actor.caller, owner)
    row = LoanProductRow(
        tenant_id=tenant_id,
        id=product_id,
        version=1,
        provider_id=owner,
        history=[actor.did("made")],
        **checked(settings, actor.at),
    )
    session.add(row)
    return row


async def change(session: AsyncSession, actor: Actor, product_id: str, settings: dict[str, Any]) -> LoanProductRow:
    """The draft with new settings, or a new draft beside the version that has left it."""
    newest = await newest_in(session, actor.caller, product_id, lock=True)
    if newest.status == _S.PENDING_APPROVAL:
        raise ProductPending(f"Version {newest.version} waits for its approval.", "status")
    columns = checked(settings, actor.at)
    if newest.status == _S.DRAFT:
        newest.name, newest.settings = columns["name"], columns["settings"]
        return _marked(newest, actor.did("changed"))
    row = LoanProductRow(
        tenant_id=newest.tenant_id,
        id=newest.id,
        version=newest.version + 1,
        provider_id=newest.provider_id,
        history=[actor.did("made")],
        **columns,
    )
    session.add(row)
    return row


async def submit(session: AsyncSession, actor: Actor, product_id: str) -> LoanProductRow:
    """Ask for the approval of the draft."""
    row = await newest_in(session, actor.caller, product_id, lock=True)
    row.status = PRODUCT.check(_S(row.status), _S.PENDING_APPROVAL)
    return _marked(row, actor.did("submitted"))


async def decide(
    session: AsyncSession, actor: Actor, product_id: str, to: ProductStatus, *, reason: str | None = None
) -> LoanProductRow:
    """Approve or reject what another key has made. An approved version takes the place of the one before."""
    row = await newest_in(session, actor.caller, product_id, lock=True)
    PRODUCT.check(_S(row.status), to)
    check_checker(actor.caller.key_id, [act["keyId"] for act in row.history if act["action"] in _MAKING])
    if to is _S.APPROVED:
        product_from(row.settings).check(on=actor.at.date())
        await _retire_before(session, actor, row)
    row.status = to
    return _marked(row, actor.did(str(to), reason=reason))


async def retire(session: AsyncSession, actor: Actor, product_id: str) -> LoanProductRow:
    """Lend the product no more; loans that have it keep it."""
    newest = await newest_in(session, actor.caller, product_id, lock=True)
    row = await _in_force(session, product_id) or newest
    row.status = PRODUCT.check(_S(row.status), _S.RETIRED)
    return _marked(row, actor.did("retired"))


async def lent_version(session: AsyncSession, product_id: str) -> LoanProductRow:
    """The version one can apply for."""
    row = await _in_force(session, product_id)
    if row is None:
        raise ProductNotLent(f"There is no approved product {product_id}.", "productId")
    return row


def currency_for(asked: str | None, product: LoanProductRow | None, tenant: Tenant) -> str:
    """The currency that was asked for; else that of the product, or of the tenant."""
    return asked or (product.settings["currency"] if product else tenant.currency)


async def newest_in(session: AsyncSession, caller: Caller, product_id: str, *, lock: bool = False) -> LoanProductRow:
    """The newest version of a product the caller may see. The first version's lock is the product's."""
    if lock:
        await session.get(LoanProductRow, (caller.tenant_id, product_id, 1), with_for_update=True)
    return (await versions_in(session, caller, product_id))[0]


async def versions_in(session: AsyncSession, caller: Caller, product_id: str) -> Sequence[LoanProductRow]:
    """Every version, newest first; a provider sees those of its own products."""
    query = select(LoanProductRow).where(col(LoanProductRow.id) == product_id)
    found = (await session.execute(query.order_by(col(LoanProductRow.version).desc()))).scalars().all()
    if not found or caller.provider_id not in (None, found[0].provider_id):
        raise UnknownProduct(f"There is no product {product_id}.", "productId")
    return found


def checked(settings: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The columns of settings that describe a product of which every loan can be made, as the law stands."""
    product = product_from(_with_holidays(settings, at.year))
    product.check(on=at.date())
    return {"name": product.name, "settings": document_of(product)}


def product_out(row: LoanProductRow) -> ProductOut:
    """A version as it is shown."""
    return ProductOut(
        product_id=row.id,
        version=row.version,
        provider_id=row.provider_id,
        name=row.name,
        status=_S(row.status),
        settings=row.settings,
        history=[
            ActOut(
                action=act["action"],
                key_id=act["keyId"],
                operator=act.get("operator"),
                at=act["at"],
                reason=act.get("reason"),
            )
            for act in row.history
        ],
    )


async def _check_owner(session: AsyncSession, caller: Caller, owner: object) -> None:
    is_own = caller.provider_id in (None, owner)
    is_known = isinstance(owner, str) and await session.get(Provider, (caller.tenant_id, owner)) is not None
    if not is_own or (owner is not None and not is_known):
        raise UnknownOwner(f"There is no provider {owner} that could own this.", "providerId")


async def _in_force(session: AsyncSession, product_id: str) -> LoanProductRow | None:
    found = await session.execute(
        select(LoanProductRow).where(col(LoanProductRow.id) == product_id, col(LoanProductRow.status) == _S.APPROVED)
    )
    return found.scalar_one_or_none()


async def _retire_before(session: AsyncSession, actor: Actor, row: LoanProductRow) -> None:
    before = await _in_force(session, row.id)
    if before is not None:
        before.status = PRODUCT.check(_S(before.status), _S.RETIRED)
        _marked(before, actor.did("retired", reason=f"version {row.version} was approved"))
        await session.flush()  # at most one version is in force, and the database counts


def _marked(row: LoanProductRow, act: dict[str, Any]) -> LoanProductRow:
    row.history = [*row.history, act]
    return row


def _with_holidays(settings: dict[str, Any], year: int) -> dict[str, Any]:
    """The settings with the public holidays of a country they name, written out: what is approved does not change."""
    schedule = settings.get("schedule")
    if not isinstance(schedule, dict):
        return settings
    calendar = schedule.get("businessDays")
    if not isinstance(calendar, dict) or "country" not in calendar:
        return settings
    rest = {name: value for name, value in calendar.items() if name not in ("country", "subdivision")}
    subdivision = calendar.get("subdivision")
    with located("schedule"):
        days = holiday_calendar(
            str(calendar["country"]),
            None if subdivision is None else str(subdivision),
            range(year, year + _CALENDAR_YEARS),
        )
    named = rest.get("holidays") or []
    holidays = [*named, *(day.isoformat() for day in days)] if isinstance(named, list) else named
    return settings | {"schedule": schedule | {"businessDays": rest | {"holidays": holidays}}}
