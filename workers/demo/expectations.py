"""What must be true at the end of the story; the demo fails if anything is not."""

from collections.abc import Iterator
from dataclasses import dataclass

from workers.demo.story import FIRST, MISSED, QUICK, Story
from workers.platform import Json


@dataclass(frozen=True, slots=True)
class Expectation:
    """One figure or state, as it must be and as it is."""

    what: str
    expected: object
    actual: object

    @property
    def is_met(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.actual


def expectations(story: Story) -> list[Expectation]:
    """Every expectation, in the order of the story."""
    found = [*_of_the_auction(story), *_of_the_loan(story), *_of_the_books(story)]
    return found + (list(_on_chain(story, story.on_chain)) if story.on_chain else [])


def _of_the_auction(story: Story) -> Iterator[Expectation]:
    ranked = [(offer["providerName"], offer["apr"], offer["financeCharge"]) for offer in story.offers]
    yield Expectation("offers by APR", [(QUICK, 10.48, 1424.27), (FIRST, 11.31, 1527.22)], ranked)
    yield Expectation("transfers at the rail", [1], [transfer["orders"] for transfer in story.transfers])
    amounts = [transfer["amount"] for transfer in story.transfers]
    yield Expectation("paid out, in cents", [24_700_00], amounts)


def _of_the_loan(story: Story) -> Iterator[Expectation]:
    born = [row["total"] for row in story.schedule_as_born]
    yield Expectation("installments at the start", [2177.02] * 11 + [2177.05], born)
    late = story.in_arrears
    arrears = tuple(late["flags"][name] for name in ("daysPastDue", "delinquencyBucket", "inCollection"))
    yield Expectation("arrears after the missed installment", (12, "1-30", True), arrears)
    yield Expectation("late fee, 2.5 % of the installment", 54.43, late["schedule"][MISSED - 1]["penalties"])
    cured = tuple(story.cured["flags"][name] for name in ("daysPastDue", "inCollection"))
    yield Expectation("cured by paying it", (0, False), cured)
    yield Expectation("status at the end", "closed_obligations_met", story.loan["status"])
    yield Expectation("outstanding at the end", 0, story.loan["outstanding"])
    principal = sum(round(row["principal"] * 100) for row in story.loan["schedule"])
    yield Expectation("principal repaid, in cents", 25_000_00, principal)


def _of_the_books(story: Story) -> Iterator[Expectation]:
    totals = [currency["total"] for currency in story.trial_balance["currencies"]]
    yield Expectation("trial balance", [0], totals)
    reminders = sum("is due on" in mail["subject"] for mail in story.mails)
    yield Expectation("a reminder before each installment, and one on the missed day", 13, reminders)
    events = [event["type"] for event in story.timeline]
    told = [
        "credit.repayment.missed",
        "credit.late_fee.charged",
        "credit.collection.initiated",
        "credit.collection.cured",
    ]
    yield Expectation("arrears in the timeline, in order", told, [event for event in events if event in told])
    yield Expectation("payments posted", 12, events.count("payment.processed"))


def _on_chain(story: Story, chain: Json) -> Iterator[Expectation]:
    standing = chain["standing"]["confirmed"]
    yield Expectation("on chain at the end", ("closed", 0), (standing["state"], standing["outstanding"]))
    repaid = [event["arguments"] for event in chain["events"] if event["name"] == "Repaid"]
    yield Expectation("principal repaid on chain, in cents", 25_000_00, sum(int(each["principal"]) for each in repaid))
    paid = [round(payment["amount"] * 100) for payment in story.payments]
    recorded = [int(each["principal"]) + int(each["interest"]) for each in repaid]
    yield Expectation("repayments on chain, in cents", paid, recorded)
    approvals = [event["arguments"]["approvals"] for event in chain["events"] if event["name"] == "Originated"]
    yield Expectation("underwriters who signed", [2], [int(each) for each in approvals])
    late = [event["name"] for event in chain["events"] if event["name"] == "StateChanged"]
    # Originated by its own event; funded, late, cured and closed are changes of state.
    yield Expectation("changes of state on chain", 4, len(late))
    unlike = [each["kind"] for each in chain["operations"] if each["status"] != "done"]
    yield Expectation("writes that are not on chain", [], unlike)
