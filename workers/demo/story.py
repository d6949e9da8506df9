"""The story: three lenders, one borrower, twelve months, one missed installment, one prepayment, paid off."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from workers.demo.bodies import application, registration
from workers.demo.loan_on_chain import LoanOnChain
from workers.platform import Json, Lender, Platform, SandboxWorld, until

Tell = Callable[[str], None]

FIRST, QUICK, THIRD = "FirstCredit Bank", "QuickLoan Inc", "Harbor Lending"
LENDERS: dict[str, tuple[str, str, Json]] = {
    FIRST: ("firstcredit", "BC123456789", {"kind": "offer", "interestRate": 7.5, "processingFee": 500}),
    QUICK: ("quickloan", "BC987654321", {"kind": "offer", "interestRate": 8.2, "processingFee": 300}),
    THIRD: ("harbor", "BC555555555", {"kind": "decline", "reason": "outside our appetite this month"}),
}
MISSED, PREPAID = 4, 7
PREPAYMENT_MINOR = 5_000_00
CHAPTERS = 4 + 12
_BEFORE_DUE = timedelta(days=1)
_TILL_COLLECTION = timedelta(days=12)


@dataclass
class Story:
    """What happened, for whoever shows or checks it."""

    application_id: str = ""
    loan_id: str = ""
    offers: list[Json] = field(default_factory=list)
    schedule_as_born: list[Json] = field(default_factory=list)
    in_arrears: Json = field(default_factory=dict)
    cured: Json = field(default_factory=dict)
    payments: list[Json] = field(default_factory=list)
    loan: Json = field(default_factory=dict)
    timeline: list[Json] = field(default_factory=list)
    mails: list[Json] = field(default_factory=list)
    trial_balance: Json = field(default_factory=dict)
    on_chain: Json | None = None
    transfers: list[Json] = field(default_factory=list)


class Teller:
    """Lives the story against a running stack, chapter by chapter."""

    def __init__(
        self,
        platform: Platform,
        world: SandboxWorld,
        tell: Tell,
        chapter: Callable[[], None],
        chain: LoanOnChain | None = None,
    ) -> None:
        """With a chain, the loan is of a product that is kept there."""
        self._platform = platform
        self._chain = chain
        self._world = world
        self._tell = tell
        self._chapter = chapter
        self._began = datetime.now(UTC).isoformat()
        self._now = datetime.now(UTC)
        self.story = Story()

    async def live(self) -> Story:
        """From the lenders' registration to the last payment."""
        await self._lenders_register()
        await self._sarah_applies()
        await self._lenders_bid()
        await self._sarah_accepts()
        await self._a_year_passes()
        await self._look_back()
        return self.story

    async def _lenders_register(self) -> None:
        for company, (slug, number, behavior) in LENDERS.items():
            body = registration(company, number, self._world.webhook_url(slug), today=datetime.now(UTC).date())
            settle = partial(self._settle, slug, behavior)
            lender = await self._platform.onboard(body, settle)
            passed = sum(step["state"] == "passed" for step in lender["checklist"] if step["step"] != "approved")
            self._tell(f"[bold]{company}[/] registers, passes {passed} checks, is approved: {lender['status']}")
        self._chapter()

    async def _settle(self, slug: str, behavior: Json, lender: Lender) -> None:
        await self._world.instruct(slug, lender, behavior)

    async def _sarah_applies(self) -> None:
        product_id = await self._chain.product() if self._chain else None
        self.story.application_id = await self._platform.apply(application(product_id))
        self._tell("[bold]Sarah Johnson[/] asks for [bold]25,000 USD[/] over 365 days")
        self._chapter()

    async def _lenders_bid(self) -> None:
        application_id = self.story.application_id
        offered = await self._platform.reaches(application_id, "offered", "no_offers", "rejected", "manual_review")
        score = offered["creditAssessment"]
        self._tell(
            f"identity verified, no sanctions hit, score [bold]{score['creditScore']}[/] ({score['riskRating']} risk)"
        )
        self.story.offers = await self._platform.offers(application_id)
        self._tell(
            f"all three lenders have answered by signed callback; the 48 h window closes early: {offered['status']}"
        )
        for offer in self.story.offers:
            self._tell(f"  {offer['rank']}. {offer['providerName']}: {offer['apr']} % APR. {offer['reason']}")
        self._chapter()

    async def _sarah_accepts(self) -> None:
        best = self.story.offers[0]
        accepted = await self._platform.accept(self.story.application_id, best["offerId"])
        self.story.loan_id = accepted["loanId"]
        if self._chain:
            signed = await self._chain.sign(self.story.loan_id)
            self._tell(f"[bold]{signed['approvals']} underwriters[/] sign for the loan, and it is put on chain")
        await self._platform.reaches(self.story.application_id, "disbursed", "disbursement_failed")
        loan = await until(self._loan_with_account, seconds=30, what="the loan's account")
        self._now = datetime.fromisoformat(loan["clockAt"])
        self.story.schedule_as_born = loan["schedule"]
        self._tell(
            f"she accepts {best['providerName']}; [bold]{best['netDisbursed']:,.2f} USD[/] leave through the rail"
        )
        self._chapter()

    async def _a_year_passes(self) -> None:
        for number in range(1, 13):
            row = (await self._loan())["schedule"][number - 1]
            if row["outstanding"] > 0:
                await self._month(number, date.fromisoformat(row["dueOn"]))
            self._chapter()

    async def _month(self, number: int, due_on: date) -> None:
        if number == MISSED:
            await self._miss(number, due_on)
            return
        await self._to(due_on - _BEFORE_DUE)
        row = (await self._loan())["schedule"][number - 1]
        extra = PREPAYMENT_MINOR if number == PREPAID else 0
        await self._pay(_minor(row["outstanding"]) + extra, f"installment {number}")
        if extra:
            after = (await self._loan())["schedule"][number]
            self._tell(f"  with 5,000 USD more: later installments fall to [bold]{after['total']:,.2f}[/]")

    async def _miss(self, number: int, due_on: date) -> None:
        await self._to(due_on + _TILL_COLLECTION)
        late = await self._loan()
        row = late["schedule"][number - 1]
        self.story.in_arrears = late
        self._tell(
            f"[yellow]installment {number} is missed[/]: {late['flags']['daysPastDue']} days past due,"
            f" late fee {row['penalties']:,.2f}, in collection"
        )
        await self._pay(_minor(row["outstanding"]), f"installment {number} with its fee")
        self.story.cured = await self._loan()
        self._tell(f"  [green]cured[/]: {self.story.cured['flags']['daysPastDue']} days past due")

    async def _to(self, day: date) -> None:
        """Move the loan's clock to the evening of a day."""
        hours = (datetime.combine(day, time(18), UTC) - self._now).total_seconds() / 3600
        self._now = await self._platform.advance(self.story.loan_id, hours=max(round(hours), 1))

    async def _pay(self, amount_minor: int, what: str) -> None:
        account = (await self._loan())["repaymentAccount"]["accountNumber"]
        reference = f"demo-{self.story.loan_id[-12:]}-{len(self.story.payments)}"
        await self._world.deposit(account, amount_minor, self._now, reference)

        async def posted() -> Json | None:
            found = await self._platform.get(f"/api/payments?loanId={self.story.loan_id}&kind=repayment&limit=100")
            arrived = [p for p in found["data"] if p["reference"] == reference and p["status"] == "succeeded"]
            return arrived[0] if arrived else None

        payment = await until(posted, seconds=30, what=f"the payment of {what}")
        self.story.payments.append(payment)
        self._tell(f"{self._now:%Y-%m-%d}  pays [bold]{payment['amount']:,.2f}[/] for {what}")

    async def _look_back(self) -> None:
        story = self.story
        story.loan = await until(self._closed_loan, seconds=30, what="the loan to close")
        story.timeline = await self._platform.timeline(story.application_id)
        story.trial_balance = await self._platform.get("/api/ledger/trial-balance")
        story.transfers = [t for t in await self._world.transfers() if t["reference"] == story.loan_id]
        story.mails = await until(self._mails, seconds=30, what="the last mail")
        self._tell(f"the loan is [bold green]{story.loan['status']}[/]")
        if self._chain:
            story.on_chain = await self._chain.look_back(story.loan_id)

    async def _loan(self) -> Json:
        return await self._platform.loan(self.story.loan_id, on=self._now.date())

    async def _loan_with_account(self) -> Json | None:
        loan = await self._loan()
        return loan if loan["repaymentAccount"] else None

    async def _closed_loan(self) -> Json | None:
        loan = await self._loan()
        return loan if loan["status"] != "active" else None

    async def _mails(self) -> list[Json] | None:
        """This borrower's mails; an older run's are in the same mailbox."""
        mails = [m for m in await self._world.mails("sarah@email.com") if m["receivedAt"] >= self._began]
        return mails if any("paid off" in mail["subject"] for mail in mails) else None


def _minor(amount: Any) -> int:
    return int(Decimal(str(amount)) * 100)
