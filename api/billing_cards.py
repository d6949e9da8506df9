"""Rate cards as they are made, changed and looked up: a version for each month in which the terms change."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.billing_card import RateCard
from models.billing_document import card_from, document_of
from models.billing_period import month_of
from models.document import DAY, InvalidDocument
from models.errors import Conflict, NotFound, Refused
from models.ids import derived_id
from models.records.billing import BillableEventRow, RateCardRow
from models.records.providers import Provider


class UnknownRateCard(NotFound):
    """The tenant has no such rate card."""


class UnknownCardHolder(Refused):
    """A card is for one of the tenant's providers, or for all of them."""


class MidMonth(Refused):
    """A card begins with a month, so that each month has one price."""


class BeginsInThePast(Refused):
    """What has been offered at one price is not charged at another: a card begins in this month or a later one."""


class RateCardMonthTaken(Conflict):
    """Another version begins with the same month."""


class RateCardUsed(Conflict):
    """The version has priced something; a change is a new version."""


async def make_card(session: AsyncSession, tenant_id: str, body: dict[str, Any], *, today: date) -> RateCardRow:
    """The next version of the card of a provider, or of all, in a currency."""
    provider_id, effective_from, card = await _read(session, tenant_id, body, today=today)
    row = card_row(tenant_id, provider_id, effective_from, 1, card)
    latest = select(func.max(col(RateCardRow.version))).where(col(RateCardRow.id) == row.id)
    row.version = ((await session.execute(latest)).scalar() or 0) + 1
    await _check_month(session, row)
    session.add(row)
    return row


async def change_card(
    session: AsyncSession, tenant_id: str, card_id: str, version: int, body: dict[str, Any], *, today: date
) -> RateCardRow:
    """Other terms for a version that has priced nothing."""
    await unused_card(session, tenant_id, card_id, version)
    provider_id, effective_from, card = await _read(session, tenant_id, body, today=today)
    changed = card_row(tenant_id, provider_id, effective_from, version, card)
    if changed.id != card_id:
        raise UnknownCardHolder("The provider and the currency of a card stay as they are.", "providerId")
    await _check_month(session, changed)
    return await session.merge(changed)


async def card_of(session: AsyncSession, tenant_id: str, card_id: str, version: int) -> RateCardRow:
    """One version."""
    row = await session.get(RateCardRow, (tenant_id, card_id, version))
    if row is None:
        raise UnknownRateCard(f"There is no rate card {card_id} of version {version}.", "cardId")
    return row


async def unused_card(session: AsyncSession, tenant_id: str, card_id: str, version: int) -> RateCardRow:
    """One version that has priced nothing yet."""
    row = await card_of(session, tenant_id, card_id, version)
    used = select(
        exists().where(
            col(BillableEventRow.rate_card_id) == card_id, col(BillableEventRow.rate_card_version) == version
        )
    )
    if (await session.execute(used)).scalar():
        raise RateCardUsed("This version has priced something; make a new one.", "version")
    return row


def card_row(
    tenant_id: str, provider_id: str | None, effective_from: date, version: int, card: RateCard
) -> RateCardRow:
    """The row of a card, with the part of it by which a statement prices one event alone."""
    funded, clawback = card.funded, card.clawback
    return RateCardRow(
        tenant_id=tenant_id,
        id=derived_id("card", tenant_id, provider_id or "", card.currency),
        version=version,
        provider_id=provider_id,
        currency=card.currency,
        effective_from=effective_from,
        terms=document_of(card),
        lead_minor=int(card.lead.tiers[0].price) if card.lead else None,
        funded_bps=Decimal(funded.rates_bps.tiers[0].price) if funded else None,
        funded_minimum_minor=funded.minimum_minor if funded else 0,
        funded_maximum_minor=funded.maximum_minor if funded else None,
        clawback_percent=clawback.percent if clawback else None,
        clawback_days_past_due=clawback.days_past_due if clawback else None,
        clawback_within_days=clawback.within_days if clawback else None,
    )


async def _read(
    session: AsyncSession, tenant_id: str, body: dict[str, Any], *, today: date
) -> tuple[str | None, date, RateCard]:
    terms = {name: value for name, value in body.items() if name not in {"providerId", "effectiveFrom"}}
    provider_id = body.get("providerId")
    if body.get("effectiveFrom") is None:
        raise InvalidDocument("This is missing.", "effectiveFrom")
    effective_from: date = DAY.read(body["effectiveFrom"], currency="", path="effectiveFrom")
    if provider_id is not None and (
        not isinstance(provider_id, str) or await session.get(Provider, (tenant_id, provider_id)) is None
    ):
        raise UnknownCardHolder(f"There is no provider {provider_id}.", "providerId")
    if month_of(effective_from).first != effective_from:
        raise MidMonth("A rate card begins with a month.", "effectiveFrom")
    if effective_from < month_of(today).first:
        raise BeginsInThePast("A rate card begins in this month or a later one.", "effectiveFrom")
    return provider_id, effective_from, card_from(terms)


async def _check_month(session: AsyncSession, row: RateCardRow) -> None:
    taken = select(RateCardRow.version).where(
        col(RateCardRow.id) == row.id,
        col(RateCardRow.effective_from) == row.effective_from,
        col(RateCardRow.version) != row.version,
    )
    if (other := (await session.execute(taken)).scalar()) is not None:
        raise RateCardMonthTaken(f"Version {other} begins with the same month.", "effectiveFrom")
