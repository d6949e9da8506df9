"""What is ordered of a provider's process: who, why, and the answer; and the sandbox's short cut around the checks."""

from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.onboarding import OrderKind, ProviderOrder, all_waived, approve_at_once
from activities.provider_rows import provider_in
from api.onboarding import check_licenses
from api.processes import EngineAway, NoSuchProcess
from api.resources import Resources
from api.schemas.providers import ApprovalIn, LicenseIn, RecheckIn, RenewalIn, StandingOut
from api.security import Caller
from models.company_numbers import InvalidRegistrationNumber, check_registration_number
from models.licensing import License
from models.onboarding import Checklist, ProviderRef, ProviderStatus, Waiver, check_complete
from models.records.database import Database
from models.records.providers import Provider
from workflows.provider import ProviderAnswer, ProviderStart, ProviderWorkflow, provider_workflow_id

_SHORT_CUT = "sandbox"
_UPDATES = {
    OrderKind.APPROVE: ProviderWorkflow.approve,
    OrderKind.REJECT: ProviderWorkflow.reject,
    OrderKind.SUSPEND: ProviderWorkflow.suspend,
    OrderKind.REINSTATE: ProviderWorkflow.reinstate,
    OrderKind.RECHECK: ProviderWorkflow.recheck,
    OrderKind.RENEW_LICENSE: ProviderWorkflow.renew_license,
}


async def ordered(having: Resources, ref: ProviderRef, order: ProviderOrder) -> StandingOut:
    """Have the provider's process carry it out. It is started if nobody has: a provider may be older than processes."""
    try:
        answer: ProviderAnswer = await having.processes.update_with_start(
            ProviderWorkflow.run,
            ProviderStart(ref),
            provider_workflow_id(ref.provider_id),
            _UPDATES[order.kind],
            order,
            update_id=order.id,
            tenant_id=ref.tenant_id,
        )
    except NoSuchProcess:
        raise EngineAway("the provider's process ended while it was asked") from None
    return StandingOut(provider_id=ref.provider_id, status=answer.status, missing=list(answer.missing))


async def known(database: Database, ref: ProviderRef) -> Provider:
    """The provider's row, if the tenant has it."""
    async with database.transaction(ref.tenant_id) as session:
        return await provider_in(session, ref)


async def activated(having: Resources, ref: ProviderRef, caller: Caller, order_id: str) -> ProviderStatus:
    """Let the provider lend. In the sandbox whatever has not passed is waived; elsewhere everything must have.

    Until the provider's process has begun, which it says by the row's status and under its lock, the row is ours.
    """
    is_sandbox = having.settings.is_sandbox
    waive = all_waived(_SHORT_CUT) if is_sandbox else ()
    order = ProviderOrder(order_id, OrderKind.APPROVE, caller.key_id, "activated", waive)
    async with having.database.transaction(ref.tenant_id) as session:
        if await _is_activated(session, ref, order, is_sandbox=is_sandbox):
            return ProviderStatus.ACTIVE
    return ProviderStatus((await ordered(having, ref, order)).status)


async def _is_activated(session: AsyncSession, ref: ProviderRef, order: ProviderOrder, *, is_sandbox: bool) -> bool:
    provider, now = await provider_in(session, ref, lock=True), datetime.now(UTC)
    check_licenses((date.fromisoformat(each["expiryDate"]) for each in provider.licenses), today=now.date())
    if provider.status == ProviderStatus.ACTIVE:
        return True
    if not is_sandbox:
        check_complete(Checklist.read(provider.checklist).missing)
    if provider.status != ProviderStatus.PENDING:
        return False
    await approve_at_once(session, provider, order, now)
    return True


def approval(body: ApprovalIn, caller: Caller, order_id: str) -> ProviderOrder:
    """The approval as an order."""
    waive = tuple(Waiver(each.step, each.reason) for each in body.waive)
    return ProviderOrder(order_id, OrderKind.APPROVE, caller.key_id, body.reason, waive)


def recheck(body: RecheckIn, provider: Provider, caller: Caller, order_id: str) -> ProviderOrder:
    """The recheck as an order, with its corrections."""
    if body.registration_number is not None:
        try:
            check_registration_number(body.registration_number, provider.registration_country)
        except InvalidRegistrationNumber as refusal:
            raise InvalidRegistrationNumber(refusal.detail, "registrationNumber") from None
    return ProviderOrder(
        order_id,
        OrderKind.RECHECK,
        caller.key_id,
        body.reason,
        company_name=body.company_name,
        registration_number=body.registration_number,
        by_provider=caller.provider_id is not None,
    )


def renewal(body: RenewalIn, caller: Caller, order_id: str) -> ProviderOrder:
    """The renewal as an order."""
    check_licenses((each.expiry_date for each in body.licenses), today=datetime.now(UTC).date())
    licenses = tuple(_license(each) for each in body.licenses)
    return ProviderOrder(order_id, OrderKind.RENEW_LICENSE, caller.key_id, body.reason, licenses=licenses)


def _license(body: LicenseIn) -> License:
    return License(body.license_type, body.license_number, body.issuing_authority, body.expiry_date)
