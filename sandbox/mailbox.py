"""A mail server that keeps what it is given, and shows it: every reminder the product sends ends here."""

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import APIRouter

from sandbox import magic
from sandbox.shelf import Row, Shelf

_REFUSALS = {
    magic.DOMAIN_REFUSED: "550 5.1.1 No such mailbox",
    magic.DOMAIN_FULL: "452 4.2.2 The mailbox is full, try again later",
}


class Mailbox:
    """The handler aiosmtpd calls; the method names are its own."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def handle_RCPT(  # noqa: N802 - named and called by aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = _REFUSALS.get(address.rpartition("@")[2].casefold())
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        message = message_from_bytes(raw, policy=policy.default)
        self._shelf.append(
            "mails",
            {
                "messageId": str(message["Message-ID"] or "").strip("<>"),
                "from": str(message["From"] or envelope.mail_from),
                "to": envelope.rcpt_tos,
                "subject": str(message["Subject"] or ""),
                "text": _text(message),
                "receivedAt": datetime.now(UTC).isoformat(),
            },
        )
        return "250 OK"

    def mails(self, to: str | None = None) -> list[Row]:
        mails = self._shelf.rows("mails").values()
        return [each for each in mails if to is None or to.casefold() in (one.casefold() for one in each["to"])]

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """On the running loop, beside the HTTP server: aiosmtpd's own controller would bring a thread and a loop."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, loop=loop, hostname="sandbox"), host, port)


def mailbox_routes(mailbox: Mailbox, shelf: Shelf) -> APIRouter:
    router = APIRouter(tags=["mailbox"])

    @router.get("/mailbox")
    async def mails(to: str | None = None) -> list[Row]:
        return mailbox.mails(to)

    @router.delete("/mailbox", status_code=204)
    async def empty() -> None:
        shelf.clear("mails")

    return router


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain",))
    return str(body.get_content()) if body is not None else ""
