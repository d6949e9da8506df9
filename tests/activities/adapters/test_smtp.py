import aiosmtplib
import pytest
import pytest_asyncio

from activities.adapters.smtp import SmtpMail
from activities.mail import MailRefused
from tests.sandbox.worlds import World


@pytest_asyncio.fixture
async def mail(world: World) -> SmtpMail:
    return SmtpMail("127.0.0.1", world.smtp_port, "CaaS <loans@caas.example>")


async def test_a_mail_arrives_as_it_was_written(mail: SmtpMail, world: World) -> None:
    await mail.send("evt_1", "sarah@example.com", "Your installment is due", "Dear Sarah,\n\n2,191.23 $ für März.\n")

    (arrived,) = (await world.client.get("/mailbox")).json()
    assert arrived["messageId"] == "evt_1@caas.example"
    assert arrived["from"] == "CaaS <loans@caas.example>"
    assert (arrived["to"], arrived["subject"]) == (["sarah@example.com"], "Your installment is due")
    assert arrived["text"].replace("\r\n", "\n") == "Dear Sarah,\n\n2,191.23 $ für März.\n"


async def test_a_mailbox_is_read_by_reader_and_can_be_emptied(mail: SmtpMail, world: World) -> None:
    for number, to in enumerate(["ann@example.com", "bob@example.com", "ann@example.com"]):
        await mail.send(f"evt_{number}", to, "Hello", "Text")

    anns = (await world.client.get("/mailbox", params={"to": "Ann@Example.com"})).json()
    assert [each["messageId"] for each in anns] == ["evt_0@caas.example", "evt_2@caas.example"]
    await world.client.delete("/mailbox")
    assert (await world.client.get("/mailbox")).json() == []


async def test_an_address_the_server_will_never_take_is_a_refusal(mail: SmtpMail) -> None:
    with pytest.raises(MailRefused):
        await mail.send("evt_1", "nobody@refused.example", "Hello", "Text")


async def test_a_full_mailbox_is_an_outage(mail: SmtpMail) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await mail.send("evt_1", "nobody@full.example", "Hello", "Text")


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
async def test_an_address_cannot_start_a_header(mail: SmtpMail, world: World, address: str) -> None:
    with pytest.raises(MailRefused):
        await mail.send("evt_1", address, "Hello", "Text")

    assert (await world.client.get("/mailbox")).json() == []


async def test_a_server_that_is_away_is_an_outage() -> None:
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await SmtpMail("127.0.0.1", 1, "loans@caas.example").send("evt_1", "a@example.com", "Hello", "Text")
