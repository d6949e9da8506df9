"""Mail as whoever writes to a borrower sees it."""

from typing import Protocol

from models.errors import Refused


class MailRefused(Refused):
    """The address will never accept this mail; anything that may pass is an outage and tried again."""


class Mailer(Protocol):
    async def send(self, message_id: str, to: str, subject: str, text: str) -> None:
        """Hand the mail over; a mail sent twice carries the same Message-ID, so that a reader sees it once."""
