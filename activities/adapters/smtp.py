"""Mail by SMTP."""

from email.message import EmailMessage
from email.utils import parseaddr

import aiosmtplib

from activities.mail import MailRefused

_PERMANENT = 500


class SmtpMail:
    """One connection a mail: a reminder is rare, and a server that closes idle connections is common."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        username: str | None = None,
        password: str | None = None,
        start_tls: bool = False,
        timeout_seconds: float = 15,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._username = username
        self._password = password
        self._start_tls = start_tls
        self._timeout_seconds = timeout_seconds

    async def send(self, message_id: str, to: str, subject: str, text: str) -> None:
        message = self._compose(message_id, to, subject, text)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                start_tls=self._start_tls,
                timeout=self._timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if all(each.code >= _PERMANENT for each in refused.recipients):
                raise MailRefused("The mail server does not take mail for this address.", "to") from refused
            raise

    def _compose(self, message_id: str, to: str, subject: str, text: str) -> EmailMessage:
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        message = EmailMessage()
        message["Message-ID"] = f"<{message_id}@{domain}>"
        message["From"] = self._sender
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        try:
            message["To"] = to
        except ValueError as error:
            # A line break in an address would start a header of the writer's choice.
            raise MailRefused("This is not a mail address.", "to") from error
        message.set_content(text)
        return message
