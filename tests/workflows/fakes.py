"""The strangers, in memory and with a memory: what they were asked is what a test looks at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from activities.kyc import BureauDown, CompanyResult, IdentityResult, ScreeningOutcome, ScreeningResult
from activities.lender_api import LenderAnswer, LenderCall
from activities.postbox import Delivered, Undelivered
from activities.rails import Beneficiary, RailRefused, RailUnavailable, TransferResult, TransferStatus, VirtualAccount
from activities.signing import BadSignature, StaleSignature, verify


@dataclass
class FakeRail:
    """A rail that books every reference once. `answers` says what to answer to the orders to come, in turn."""

    name: str = "fake"
    sent: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, VirtualAccount] = field(default_factory=dict)
    outcome: TransferStatus = TransferStatus.SUCCEEDED
    answers: list[TransferStatus | Exception] = field(default_factory=list)
    failure: str = "the account is closed"
    orders: int = 0
    asked: int = 0

    async def send(
        self, beneficiary: Beneficiary, amount_minor: int, currency: str, reference: str, reason: str
    ) -> TransferResult:
        assert beneficiary.currency == currency
        assert reason
        self.orders += 1
        answer = self.answers.pop(0) if self.answers else self.outcome
        if isinstance(answer, Exception):
            raise answer
        if answer is not TransferStatus.FAILED:
            self.sent.setdefault(reference, amount_minor)
        failed = answer is TransferStatus.FAILED
        return TransferResult(answer, reference, "TRF_1", self.failure if failed else None)

    async def find(self, reference: str) -> TransferResult | None:
        self.asked += 1
        return TransferResult(self.outcome, reference, "TRF_1") if reference in self.sent else None

    async def open_virtual_account(self, customer_reference: str, currency: str, display_name: str) -> VirtualAccount:
        assert currency
        assert display_name
        number = f"9{len(self.accounts):09}"
        return self.accounts.setdefault(customer_reference, VirtualAccount(number, "Fake Bank"))


@dataclass
class LosingRail(FakeRail):
    """A rail whose first order vanishes on the way: unknown to us, and to the rail."""

    lost: int = 1

    async def send(
        self, beneficiary: Beneficiary, amount_minor: int, currency: str, reference: str, reason: str
    ) -> TransferResult:
        if self.lost:
            self.lost -= 1
            self.orders += 1
            return TransferResult(TransferStatus.UNKNOWN, reference)
        return await super().send(beneficiary, amount_minor, currency, reference, reason)


@dataclass
class AccountlessRail(FakeRail):
    """A rail that opens no accounts."""

    async def open_virtual_account(self, customer_reference: str, currency: str, display_name: str) -> VirtualAccount:
        raise RailRefused(f"no account in {currency} for {customer_reference} ({len(display_name)} letters)")


@dataclass
class FakeBureau:
    """Knows everybody, unless told otherwise."""

    unknown: set[str] = field(default_factory=set)
    down: int = 0
    hits: set[str] = field(default_factory=set)
    verified: list[str] = field(default_factory=list)

    async def verify(self, kind: str, number: str, first_name: str, last_name: str) -> IdentityResult:
        assert kind
        assert first_name
        if self.down:
            self.down -= 1
            raise BureauDown("the register is down")
        self.verified.append(number)
        known = number not in self.unknown
        return IdentityResult(known, None if known else "not_found", f"ref-{last_name}", known)

    async def verify_company(self, number: str, country: str, name: str) -> CompanyResult:
        assert country
        assert name
        if self.down:
            self.down -= 1
            raise BureauDown("the company register is down")
        self.verified.append(number)
        known = number not in self.unknown
        return CompanyResult(known, None if known else "not_found", f"ref-{number}")

    async def screen(self, name: str, birth_date: date | None) -> ScreeningResult:
        assert birth_date is None
        hit = name in self.hits
        outcome = ScreeningOutcome.HIT if hit else ScreeningOutcome.CLEAR
        return ScreeningResult(outcome, 97 if hit else 0, "list-1", (name,) if hit else ())


@dataclass
class FakePostbox:
    """Keeps what was posted; the first `failures` attempts get no answer."""

    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    failures: int = 0

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        if self.failures:
            self.failures -= 1
            raise Undelivered("no answer")
        self.posted.append((url, headers, body))
        return Delivered(200, None, "ok")


@dataclass
class FakeEndpoint(FakePostbox):
    """A provider's endpoint that checks what it is sent, or does not."""

    secret: str = ""
    mute_challenge: bool = False
    accepts_forged: bool = False

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        await super().post(url, headers, body)
        if not self.accepts_forged:
            try:
                verify(self.secret, headers, body, now=datetime.now(UTC))
            except (BadSignature, StaleSignature):
                return Delivered(401, None, "")
        said = json.loads(body)
        return Delivered(200, None, "" if self.mute_challenge else str(said.get("challenge", "")))


@dataclass
class FakeLender:
    """A lender's API that keeps what it was asked, and answers what it was given, in order; then the last again."""

    answers: list[LenderAnswer | Exception] = field(default_factory=lambda: [LenderAnswer(200, {})])
    asked: list[LenderCall] = field(default_factory=list)

    async def call(self, call: LenderCall) -> LenderAnswer:
        self.asked.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeMailer:
    """Keeps what was mailed."""

    sent: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def send(self, message_id: str, to: str, subject: str, text: str) -> None:
        self.sent.append((message_id, to, subject, text))

    def subjects(self) -> list[str]:
        return [subject for _, _, subject, _ in self.sent]


UNREACHABLE = RailUnavailable("the rail cannot be reached")
