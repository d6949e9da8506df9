"""The journey that is the demo: one loan from application to payoff, every figure checked."""

from datetime import date

from tests.journeys.scenes import Scene
from workers.demo.expectations import expectations
from workers.demo.story import Story, Teller


async def test_a_loan_lives_its_whole_life(scene: Scene) -> None:
    teller = Teller(scene.platform, scene.world, tell=print, chapter=lambda: None)

    story = await teller.live()

    assert [each for each in expectations(story) if not each.is_met] == []
    assert reminded_days_ahead(story) == [3] * 12
    mailbox = await subjects_since(scene, story.mails[0]["receivedAt"])
    paid = [at for at, subject in enumerate(mailbox) if subject == "Payment received"]
    for number, row in enumerate(story.schedule_as_born, 1):
        reminder = mailbox.index(f"Installment {number} is due on {row['dueOn']}")
        assert reminder < paid[number - 1], f"installment {number} was paid before anybody was reminded of it"


async def subjects_since(scene: Scene, moment: str) -> list[str]:
    """The subjects of Sarah's mails in the order they came, once no more can come."""
    await scene.outbox_is_empty()
    return [mail["subject"] for mail in await scene.world.mails("sarah@email.com") if mail["receivedAt"] >= moment]


def reminded_days_ahead(story: Story) -> list[int]:
    """How many days before its due date each installment was first reminded of, by the loan's own clock."""
    first: dict[int, int] = {}
    for event in story.timeline:
        if event["type"] == "credit.repayment.due":
            due_on, told_on = date.fromisoformat(event["data"]["dueOn"]), date.fromisoformat(event["occurredAt"][:10])
            first.setdefault(event["data"]["installment"], (due_on - told_on).days)
    return [first[number] for number in sorted(first)]
