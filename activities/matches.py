"""Matching a lead on what the rows know of the providers, and keeping what the match was made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import Select, Subquery, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.application import ApplicationStatus
from models.bid_limits import rates_of
from models.loan import LoanStatus
from models.matching import Lead, Matches, ProviderProfile, match
from models.matching_record import recorded
from models.matching_weights import BUILT_IN, BUILT_IN_VERSION, WEIGHTS, Weights
from models.money import exponent_of, major_units, rounded
from models.offer import OfferStatus
from models.product import LoanProduct
from models.records.applications import Application
from models.records.leads import LeadGrant
from models.records.loans import Loan
from models.records.matching import MatchingRow, MatchingWeightsRow
from models.records.offers import Offer
from models.records.products import owner_of
from models.records.providers import Provider

_OWING = (LoanStatus.ACTIVE, LoanStatus.OVERPAID)
_BIDS = ("approved", "counter_offer")


@dataclass(frozen=True, slots=True)
class _Record:
    """What a provider has done, and what it is busy with."""

    median_response_hours: Decimal | None = None
    received: int = 0
    answered: int = 0
    approved: int = 0
    invited_today: int = 0
    invited_open: int = 0
    offered: int = 0
    reneged: int = 0
    exposure_minor: int = 0


_UNKNOWN = _Record()


async def matched(session: AsyncSession, application: Application, product: LoanProduct, *, at: datetime) -> Matches:
    """Who may bid on an application; the match is kept with everything it was made of."""
    version, weights = await weights_in_force(session, application.tenant_id)
    providers = await _candidates(session, application)
    records = await _records(session, application.currency, at=at, since=at - timedelta(days=weights.record_days))
    profiles = [_profile(each, application.currency, records.get(each.id, _UNKNOWN)) for each in providers]
    lead, on = _lead(application, product, at), at.date()
    matches = match(lead, profiles, on=on, weights=weights)
    kept = recorded(lead, profiles, weights, matches, on=on)
    session.add(
        MatchingRow(
            tenant_id=application.tenant_id,
            application_id=application.id,
            lead_id=application.lead_id,
            matched_at=at,
            matched_on=on,
            weights_version=version,
            weights=kept.weights,
            lead=kept.lead,
            candidates=kept.candidates,
            result=kept.result,
            explored=matches.explored,
        )
    )
    return matches


async def weights_in_force(session: AsyncSession, tenant_id: str) -> tuple[int, Weights]:
    """The newest version of the tenant's own, else the one that is built in."""
    newest = select(MatchingWeightsRow).where(col(MatchingWeightsRow.tenant_id) == tenant_id)
    found = await session.execute(newest.order_by(col(MatchingWeightsRow.version).desc()).limit(1))
    row = found.scalar_one_or_none()
    return (BUILT_IN_VERSION, BUILT_IN) if row is None else (row.version, WEIGHTS.read(row.weights, currency=""))


async def _candidates(session: AsyncSession, application: Application) -> list[Provider]:
    """Those who may lend: everybody, or the one whose product was asked for.

    Whoever has a cap is locked, so that two leads at the same moment do not both get its last place.
    """
    query = select(Provider).order_by(col(Provider.id))
    if owner := await owner_of(session, application):
        query = query.where(col(Provider.id) == owner)
    is_capped = or_(col(Provider.daily_lead_cap).is_not(None), col(Provider.exposure_limit_minor).is_not(None))
    await session.execute(query.where(is_capped).with_for_update(key_share=True))
    return list((await session.execute(query)).scalars())


async def _records(session: AsyncSession, currency: str, *, at: datetime, since: datetime) -> Mapping[str, _Record]:
    """What every provider has done with the leads of the last months, and what it has lent, in one query."""
    leads, bids, lent = _leads(at, since), _bids(since), _lent(currency)
    found = await session.execute(
        select(
            col(Provider.id),
            leads.c.median,
            *(func.coalesce(leads.c[name], 0) for name in ("received", "answered", "approved", "today", "open")),
            func.coalesce(bids.c.offered, 0),
            func.coalesce(bids.c.reneged, 0),
            func.coalesce(lent.c.minor, 0),
        )
        .outerjoin(leads, leads.c.provider_id == col(Provider.id))
        .outerjoin(bids, bids.c.provider_id == col(Provider.id))
        .outerjoin(lent, lent.c.provider_id == col(Provider.id))
    )
    return {
        provider_id: _Record(None if median is None else Decimal(str(median)), *(int(each) for each in counted))
        for provider_id, median, *counted in found
    }


def _leads(at: datetime, since: datetime) -> Subquery:
    answered = col(LeadGrant.answered_at)
    hours = func.extract("epoch", answered - col(LeadGrant.granted_at)) / 3600
    is_bidding = col(Application.status) == ApplicationStatus.BIDDING
    today = datetime.combine(at.date(), time(), at.tzinfo)
    return (
        select(
            col(LeadGrant.provider_id),
            func.percentile_cont(0.5).within_group(hours).label("median"),
            func.count().filter(or_(answered.is_not(None), ~is_bidding)).label("received"),
            func.count().filter(answered.is_not(None)).label("answered"),
            func.count().filter(col(LeadGrant.answer).in_(_BIDS)).label("approved"),
            func.count()
            .filter(col(LeadGrant.granted_at) >= today, col(LeadGrant.granted_at) < today + timedelta(days=1))
            .label("today"),
            func.count().filter(answered.is_(None), is_bidding).label("open"),
        )
        .join(
            Application,
            and_(
                col(Application.tenant_id) == col(LeadGrant.tenant_id),
                col(Application.id) == col(LeadGrant.application_id),
            ),
        )
        .where(col(LeadGrant.granted_at) >= since)
        .group_by(col(LeadGrant.provider_id))
        .subquery()
    )


def _bids(since: datetime) -> Subquery:
    """Bids that borrowers saw; those the provider took back afterward are its broken promises."""
    was_shown = or_(col(Offer.rank).is_not(None), col(Offer.settled_by).is_not(None))
    return (
        select(
            col(Offer.provider_id),
            func.count().filter(was_shown).label("offered"),
            func.count().filter(col(Offer.settled_by) == "provider").label("reneged"),
        )
        .where(col(Offer.received_at) >= since)
        .group_by(col(Offer.provider_id))
        .subquery()
    )


def _lent(currency: str) -> Subquery:
    """What is owed to every provider that has a limit, in a currency, and what it has promised and not paid out yet."""
    limited = select(col(Provider.id)).where(col(Provider.exposure_limit_minor).is_not(None))
    owed: Select[str, int] = select(
        col(Loan.provider_id).label("provider_id"), col(Loan.outstanding_minor).label("minor")
    ).where(col(Loan.currency) == currency, col(Loan.status).in_(_OWING), col(Loan.provider_id).in_(limited))
    promised = select(col(Offer.provider_id), col(Offer.amount_minor)).where(
        col(Offer.currency) == currency,
        col(Offer.status) == OfferStatus.ACCEPTED,
        col(Offer.provider_id).in_(limited),
    )
    both = owed.union_all(promised).subquery()
    return select(both.c.provider_id, func.sum(both.c.minor).label("minor")).group_by(both.c.provider_id).subquery()


def _lead(application: Application, product: LoanProduct, at: datetime) -> Lead:
    lowest, highest = rates_of(product, on=at.date())
    return Lead(
        lead_id=application.lead_id,
        amount_minor=application.requested_amount_minor,
        currency=application.currency,
        country=application.country,
        tenure_days=application.tenure_days,
        credit_score=application.credit_score or 0,
        recommended_rate_percent=application.recommended_rate_percent or Decimal(0),
        rate_minimum_percent=lowest,
        rate_maximum_percent=highest,
    )


def _profile(provider: Provider, currency: str, record: _Record) -> ProviderProfile:
    """The limits are numbers that hold in each currency the provider lends, as it registered them."""
    limit_minor = provider.exposure_limit_minor
    return ProviderProfile(
        provider_id=provider.id,
        name=provider.company_name,
        active=provider.status == "active",
        minimum_minor=restated(provider.minimum_amount_minor, provider.amount_currency, currency),
        maximum_minor=restated(provider.maximum_amount_minor, provider.amount_currency, currency),
        currencies=frozenset(provider.currencies),
        countries=frozenset(provider.countries),
        rate_minimum_percent=provider.rate_minimum_percent,
        rate_maximum_percent=provider.rate_maximum_percent,
        license_expires_on=provider.license_expires_on,
        exposure_limit_minor=None if limit_minor is None else restated(limit_minor, provider.amount_currency, currency),
        exposure_minor=record.exposure_minor,
        daily_lead_cap=provider.daily_lead_cap,
        invited_today=record.invited_today,
        invited_open=record.invited_open,
        median_response_hours=record.median_response_hours,
        received=record.received,
        answered=record.answered,
        approved=record.approved,
        offered=record.offered,
        reneged=record.reneged,
    )


def restated(minor: int, of: str, currency: str) -> int:
    """The same number in another currency's minor units."""
    return rounded(major_units(minor, of).scaleb(exponent_of(currency)))
