"""Who the borrower is: one call to the identity bureau, one to the sanctions list."""

from dataclasses import replace

from temporalio import activity

from activities.applications import UnknownApplication
from activities.kyc import IdentityBureau, IdentityResult, SanctionsList, ScreeningResult
from models.application import ApplicationRef
from models.records.applications import Applicant, Application, VerifiedUser
from models.records.database import Database

_PLATFORM = "verified by the platform"


class Identity:
    """Asks the strangers who know; what they say is recorded by the underwriting that follows."""

    def __init__(self, database: Database, bureau: IdentityBureau, sanctions: SanctionsList) -> None:
        self._database = database
        self._bureau = bureau
        self._sanctions = sanctions

    @activity.defn(name="Identity.verify")
    async def verify(self, ref: ApplicationRef) -> IdentityResult:
        """Verify the applicant's identity, or take the platform's word if it has verified the user itself."""
        applicant, platform_reference = await self._applicant(ref)
        if platform_reference:
            return IdentityResult(verified=True, reason=_PLATFORM, reference=platform_reference, name_match=True)
        return await self._bureau.verify(
            applicant.identity_type, applicant.identity_number, applicant.first_name, applicant.last_name
        )

    @activity.defn(name="Identity.screen")
    async def screen(self, ref: ApplicationRef) -> ScreeningResult:
        """Look the applicant up in the sanctions list. Names stay here: a result is kept in the workflow's history."""
        applicant, _ = await self._applicant(ref)
        name = f"{applicant.first_name} {applicant.last_name}"
        return replace(await self._sanctions.screen(name, applicant.birth_date), matches=())

    async def _applicant(self, ref: ApplicationRef) -> tuple[Applicant, str | None]:
        async with self._database.transaction(ref.tenant_id) as session:
            application = await session.get(Application, (ref.tenant_id, ref.application_id))
            if application is None:
                raise UnknownApplication(f"There is no application {ref.application_id}.", "applicationId")
            applicant = await session.get_one(Applicant, (ref.tenant_id, application.applicant_id))
            user = await session.get(VerifiedUser, (ref.tenant_id, applicant.user_id or ""))
            return applicant, user.source_event_id if user else None
