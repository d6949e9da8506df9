"""What strangers say of a provider: the company register, the sanctions list, and the provider's own endpoint.

    challenge       POST {"type": "endpoint.challenge", "challenge": nonce}    2xx, and the nonce in the body
    certification   a good message                                            2xx
                    the same message again, under the same id                 2xx
                    a message signed by somebody else                         4xx
                    a good message of an hour ago                             4xx

An endpoint that is not as it should be may be so a moment later, so that is an outage, tried again a few times.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import urandom
from secrets import token_urlsafe

from temporalio import activity

from activities.destinations import ForbiddenDestination
from activities.kyc import CompanyRegister, SanctionsList, ScreeningOutcome
from activities.postbox import Delivered, Postbox, Undelivered
from activities.provider_rows import provider_in
from activities.signing import new_secret, signed_headers
from models.events import ProviderEventType
from models.onboarding import Finding, ProviderRef, Step
from models.records.database import Database, new_id
from models.records.endpoints import Addressee, addressee_of
from models.records.providers import Provider

CHALLENGE = "endpoint.challenge"
_STALE = timedelta(hours=1)
_SECRET_BYTES = 32
# Four messages, one after the other; the activity that sends them has 30 seconds.
_DEADLINE_SECONDS = 25
_REASONS = {
    "not_found": "the company register does not know the number",
    "blocked": "the number is blocked at the company register",
    "invalid_number": "the company register takes the number for none",
    "name_mismatch": "the number belongs to a company of another name",
    "inactive": "the company is no longer in business",
}


class EndpointNotReady(Exception):
    """The provider's endpoint did not do what it must; perhaps it will in a while."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One message of the certification: how it is sent, and what must come back."""

    name: str
    message_id: str
    secret: str
    at: datetime
    accepted: bool


class ProviderChecks:
    """Asks the strangers who know; what they say is noted by the transaction that follows."""

    def __init__(
        self, database: Database, register: CompanyRegister, sanctions: SanctionsList, postbox: Postbox
    ) -> None:
        self._database = database
        self._register = register
        self._sanctions = sanctions
        self._postbox = postbox

    @activity.defn(name="ProviderChecks.verify_company")
    async def verify_company(self, ref: ProviderRef) -> Finding:
        """Look the company up in the register of its country."""
        provider = await self._provider(ref)
        found = await self._register.verify_company(
            provider.registration_number, provider.registration_country, provider.company_name
        )
        reason = _REASONS.get(found.reason or "", found.reason) or f"on the company register, {found.reference}"
        return Finding(Step.KYB_VERIFIED, found.verified, reason)

    @activity.defn(name="ProviderChecks.screen")
    async def screen(self, ref: ProviderRef) -> Finding:
        """Look the company up in the sanctions list."""
        provider = await self._provider(ref)
        result = await self._sanctions.screen(provider.company_name, None)
        clear = result.outcome is ScreeningOutcome.CLEAR
        verdict = "clear" if clear else "a hit"
        return Finding(Step.SANCTIONS_CLEAR, clear, f"{verdict}: score {result.score} on list {result.list_version}")

    @activity.defn(name="ProviderChecks.challenge")
    async def challenge(self, ref: ProviderRef) -> Finding:
        """Have whoever is behind the webhook URL show that the URL is the provider's."""
        addressee, nonce = await self._addressee(ref), token_urlsafe(24)
        body = json.dumps({"type": CHALLENGE, "challenge": nonce}).encode()
        answer = await self._post(
            addressee, signed_headers(addressee.secret, new_id("msg"), datetime.now(UTC), body), body
        )
        if not answer.accepted:
            raise EndpointNotReady(f"the challenge was answered with HTTP {answer.status_code}, not with 2xx")
        if nonce not in answer.excerpt:
            raise EndpointNotReady("the answer to the challenge does not begin with the challenge in its body")
        return Finding(Step.WEBHOOK_URL_VERIFIED, passed=True, reason="the challenge was answered")

    @activity.defn(name="ProviderChecks.certify")
    async def certify(self, ref: ProviderRef) -> Finding:
        """See whether the endpoint takes what is ours, also twice, and turns away what is not."""
        addressee = await self._addressee(ref)
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                for trial in _trials(addressee.secret, datetime.now(UTC)):
                    await self._try(ref, addressee, trial)
        except TimeoutError as error:
            raise EndpointNotReady(f"no four answers within {_DEADLINE_SECONDS} seconds") from error
        return Finding(Step.SANDBOX_CERTIFIED, passed=True, reason="took two good messages, turned two bad ones away")

    async def _try(self, ref: ProviderRef, addressee: Addressee, trial: _Trial) -> None:
        body = _test_body(ref, trial.message_id, trial.at)
        answer = await self._post(addressee, signed_headers(trial.secret, trial.message_id, trial.at, body), body)
        good = answer.accepted if trial.accepted else answer.status_code // 100 == 4  # noqa: PLR2004 - HTTP
        if not good:
            wanted = "2xx" if trial.accepted else "4xx"
            raise EndpointNotReady(f"{trial.name} was answered with HTTP {answer.status_code}, not with {wanted}")

    async def _post(self, addressee: Addressee, headers: dict[str, str], body: bytes) -> Delivered:
        try:
            return await self._postbox.post(addressee.url, {"content-type": "application/json", **headers}, body)
        except ForbiddenDestination as refusal:
            # What a name stands for may change, so this is no verdict for ever.
            raise EndpointNotReady(refusal.detail) from refusal
        except Undelivered as outage:
            raise EndpointNotReady(f"no answer: {outage}") from outage

    async def _addressee(self, ref: ProviderRef) -> Addressee:
        async with self._database.transaction(ref.tenant_id) as session:
            found = await addressee_of(session, ref.tenant_id, ref.provider_id, at=datetime.now(UTC))
        if found is None:
            raise EndpointNotReady("the provider has no endpoint that is signed for")
        return found

    async def _provider(self, ref: ProviderRef) -> Provider:
        async with self._database.transaction(ref.tenant_id) as session:
            return await provider_in(session, ref)


def _trials(secret: str, now: datetime) -> tuple[_Trial, ...]:
    good, forged, stale = (new_id("msg") for _ in range(3))
    return (
        _Trial("a test message", good, secret, now, accepted=True),
        _Trial("the same message again", good, secret, now, accepted=True),
        _Trial("a message signed by somebody else", forged, new_secret(urandom(_SECRET_BYTES)), now, accepted=False),
        _Trial("a message signed an hour ago", stale, secret, now - _STALE, accepted=False),
    )


def _test_body(ref: ProviderRef, message_id: str, at: datetime) -> bytes:
    event = ProviderEventType.TEST
    return json.dumps(
        {
            "eventId": message_id,
            "eventType": event,
            "type": event,
            "providerId": ref.provider_id,
            "timestamp": at.isoformat(),
            "data": {"purpose": "certification"},
            "expiresAt": None,
        }
    ).encode()
