"""A provider's rows, as its workflow changes them: begun, noted, ordered, warned, expired.

One transaction each, under the row's lock. What was done is written down with who, why and when; a step that runs twice
finds it written down and changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.provider_rows import (
    Deed,
    findings_of,
    is_done,
    move,
    noted,
    provider_in,
    set_licenses,
    standing_of,
    warn_of_license,
    write_down,
)
from models.errors import Conflict
from models.licensing import License, check_not_expired
from models.onboarding import (
    NEVER_WAIVED,
    PROVIDER,
    Checklist,
    Finding,
    ProviderRef,
    ProviderStatus,
    Standing,
    Step,
    Waiver,
    check_waivers,
)
from models.records.database import Database
from models.records.providers import Provider
from models.transitions import IllegalTransition

_S = ProviderStatus
ENGINE = "engine"


class NotInReview(Conflict):
    """This can only be done while the provider is in review."""


class NumberTaken(Conflict):
    """Another provider has this registration number."""


class OrderKind(StrEnum):
    """What may be ordered of a provider."""

    APPROVE = "approve"
    REJECT = "reject"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    RECHECK = "recheck"
    RENEW_LICENSE = "renew_license"


@dataclass(frozen=True, slots=True)
class ProviderOrder:
    """What somebody wants done, and why; `actor` is the key that was used. The corrections go with a recheck."""

    id: str
    kind: OrderKind
    actor: str
    reason: str
    waive: tuple[Waiver, ...] = ()
    licenses: tuple[License, ...] = ()
    company_name: str | None = None
    registration_number: str | None = None
    by_provider: bool = False

    @property
    def asks_everything(self) -> bool:
        """Whether a recheck asks about what has passed, too: company registers want money for each answer."""
        return not self.by_provider or bool(self.company_name or self.registration_number)


@dataclass(frozen=True, slots=True)
class At:
    """A provider at a moment."""

    ref: ProviderRef
    at: datetime


@dataclass(frozen=True, slots=True)
class Noted:
    """A check has found something."""

    ref: ProviderRef
    finding: Finding
    at: datetime


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, and when it is carried out."""

    ref: ProviderRef
    order: ProviderOrder
    at: datetime


@dataclass(frozen=True, slots=True)
class Warned:
    """So many days before the first license ends."""

    ref: ProviderRef
    days: int
    at: datetime


class Onboarding:
    """The one writer of a provider's status and checklist once its workflow has begun."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Onboarding.begin")
    async def begin(self, at: At) -> Standing:
        """Take the provider into review, with what its own row says of it; or read where it stands by now."""
        async with self._database.transaction(at.ref.tenant_id) as session:
            provider = await provider_in(session, at.ref, lock=True)
            if provider.status == _S.PENDING:
                noted(provider, findings_of(provider, on=at.at.date()), at.at)
                await move(session, provider, _S.IN_REVIEW, Deed("begun", "begun", ENGINE, "the checks begin", at.at))
            elif not provider.checklist and provider.status == _S.ACTIVE:
                _excuse(provider, "it was active before there were checks", at.at)
            return standing_of(provider)

    @activity.defn(name="Onboarding.note")
    async def note(self, what: Noted) -> Standing:
        """Write down what a check has found."""
        finding = what.finding
        result = "passed" if finding.passed else "failed"
        deed = Deed(
            f"note:{finding.step}:{what.at.isoformat()}", f"{finding.step} {result}", ENGINE, finding.reason, what.at
        )
        async with self._database.transaction(what.ref.tenant_id) as session:
            provider = await provider_in(session, what.ref, lock=True)
            if not await is_done(session, provider, deed.key):
                noted(provider, [finding], what.at)
                await write_down(session, provider, deed)
            return standing_of(provider)

    @activity.defn(name="Onboarding.carry_out")
    async def carry_out(self, ordered: Ordered) -> Standing:
        """Do what was ordered, or refuse it."""
        async with self._database.transaction(ordered.ref.tenant_id) as session:
            provider = await provider_in(session, ordered.ref, lock=True)
            if not await is_done(session, provider, ordered.order.id):
                await _ORDERS[ordered.order.kind](session, provider, ordered.order, ordered.at)
            return standing_of(provider)

    @activity.defn(name="Onboarding.warn")
    async def warn(self, warned: Warned) -> Standing:
        """Tell the provider that its first license is about to end."""
        async with self._database.transaction(warned.ref.tenant_id) as session:
            provider = await provider_in(session, warned.ref, lock=True)
            ends_on = provider.license_expires_on
            reason = f"a license ends on {ends_on}"
            deed = Deed(f"license:{ends_on}:{warned.days}", "license_notice", ENGINE, reason, warned.at)
            if not await is_done(session, provider, deed.key):
                await write_down(session, provider, deed)
                warn_of_license(session, provider, deed, warned.days)
            return standing_of(provider)

    @activity.defn(name="Onboarding.expire")
    async def expire(self, at: At) -> Standing:
        """Suspend the provider if one of its licenses is over."""
        async with self._database.transaction(at.ref.tenant_id) as session:
            provider = await provider_in(session, at.ref, lock=True)
            ended_on = provider.license_expires_on
            if provider.status == _S.ACTIVE and ended_on < at.at.date():
                reason = f"a license ended on {ended_on}"
                noted(provider, [Finding(Step.LICENSES_VALID, passed=False, reason=reason)], at.at)
                await move(
                    session, provider, _S.SUSPENDED, Deed(f"expired:{ended_on}", "suspend", ENGINE, reason, at.at)
                )
            return standing_of(provider)


async def approve_at_once(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    """The sandbox's short cut: approve a provider whose workflow has not begun, without what only strangers can say.

    The caller holds the row's lock. The workflow that begins later finds the provider active, and watches over it.
    """
    PROVIDER.check(ProviderStatus(provider.status), _S.ACTIVE)
    noted(provider, findings_of(provider, on=at.date()), at)
    await _approved(session, provider, order, at)


def all_waived(reason: str) -> tuple[Waiver, ...]:
    """Every step that may be waived, for whoever does without all that is missing."""
    return tuple(Waiver(step, reason) for step in Step if step not in NEVER_WAIVED)


async def _approve(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    _check_in_review(provider)
    await _approved(session, provider, order, at)


async def _approved(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    check_not_expired(provider.license_expires_on, today=at.date(), field="licenses[0].expiryDate")
    check_waivers(order.waive)
    checklist = Checklist.read(provider.checklist)
    missing = checklist.missing
    provider.checklist = checklist.waived(order.waive, at).approved(order.reason, at).written()
    waived = {str(each.step): each.reason for each in order.waive if each.step in missing}
    await move(session, provider, _S.ACTIVE, _deed(order, at, waived=waived))


async def _reject(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    PROVIDER.check(ProviderStatus(provider.status), _S.REJECTED)
    await move(session, provider, _S.REJECTED, _deed(order, at))


async def _suspend(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    PROVIDER.check(ProviderStatus(provider.status), _S.SUSPENDED)
    await move(session, provider, _S.SUSPENDED, _deed(order, at))


async def _reinstate(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    if provider.status != _S.SUSPENDED:
        raise IllegalTransition(f"The provider is {provider.status}; only who is suspended is reinstated.", "status")
    check_not_expired(provider.license_expires_on, today=at.date(), field="licenses[0].expiryDate")
    await move(session, provider, _S.ACTIVE, _deed(order, at))


async def _recheck(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    if provider.status == _S.REJECTED:
        raise IllegalTransition("The provider is rejected; nothing about it is checked any more.", "status")
    await _correct(session, provider, order)
    provider.checklist = Checklist.read(provider.checklist).reopened(everything=order.asks_everything).written()
    noted(provider, findings_of(provider, on=at.date()), at)
    corrected = {"companyName": order.company_name, "registrationNumber": order.registration_number}
    await write_down(session, provider, _deed(order, at, **{name: new for name, new in corrected.items() if new}))


async def _correct(session: AsyncSession, provider: Provider, order: ProviderOrder) -> None:
    """Take over what the provider had wrong; who it is does not change once somebody has signed for it."""
    if order.company_name or order.registration_number:
        _check_in_review(provider)
    if order.registration_number:
        taken = select(Provider).where(
            col(Provider.registration_number) == order.registration_number, col(Provider.id) != provider.id
        )
        if (await session.execute(taken)).first():
            raise NumberTaken("A provider with this registration number is registered.", "registrationNumber")
        provider.registration_number = order.registration_number
    provider.company_name = order.company_name or provider.company_name


async def _renew(session: AsyncSession, provider: Provider, order: ProviderOrder, at: datetime) -> None:
    """The licenses as they are now. Whoever is suspended stays so until an operator has looked at them."""
    if provider.status == _S.REJECTED:
        raise IllegalTransition("The provider is rejected; its licenses matter no more.", "status")
    for place, each in enumerate(order.licenses):
        check_not_expired(each.expiry_date, today=at.date(), field=f"licenses[{place}].expiryDate")
    set_licenses(provider, order.licenses)
    noted(provider, findings_of(provider, on=at.date()), at)
    ends_on = str(provider.license_expires_on)
    await write_down(session, provider, _deed(order, at, licenseExpiresOn=ends_on))


_ORDERS: Mapping[OrderKind, Callable[[AsyncSession, Provider, ProviderOrder, datetime], Awaitable[None]]] = {
    OrderKind.APPROVE: _approve,
    OrderKind.REJECT: _reject,
    OrderKind.SUSPEND: _suspend,
    OrderKind.REINSTATE: _reinstate,
    OrderKind.RECHECK: _recheck,
    OrderKind.RENEW_LICENSE: _renew,
}


def _check_in_review(provider: Provider) -> None:
    if provider.status != _S.IN_REVIEW:
        raise NotInReview(f"The provider is {provider.status}, not in review.", "status")


def _excuse(provider: Provider, reason: str, at: datetime) -> None:
    waived = Checklist.read({}).waived([Waiver(step, reason) for step in Step], at)
    provider.checklist = waived.approved(reason, at).written()


def _deed(order: ProviderOrder, at: datetime, **data: object) -> Deed:
    return Deed(order.id, str(order.kind), order.actor, order.reason, at, data)
