"""A channel sends one message, or says whether trying again makes sense; no log line has an address."""

import importlib
import logging
import smtplib
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import structlog

from farandole.messaging.decision import Row
from farandole.messaging.failure import Refused, Transient
from farandole.services.notification import domain
from farandole.services.notification.domain import Message

CONSOLE: Final = "console"
SECONDS: Final = 10.0
"""How long a mail server may take to answer one command."""

_SUBMISSION: Final = 587
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_log: Final = structlog.stdlib.get_logger(__name__)


class Away(Transient):
    """The provider itself cannot be reached or used: other messages would fare the same."""


class Unavailable(ValueError):
    """A channel cannot be made from its settings."""


class Channel(Protocol):
    def send(self, message: Message) -> None:
        """Hand a message over; raises Transient (try later), Away (nobody gets through) or Refused (a definite no)."""


def leaving(email: str, sms: str) -> frozenset[str]:
    """The channels whose messages leave the machine, by the two settings; `console` stays."""
    chosen = ((domain.Channel.EMAIL, email), (domain.Channel.SMS, sms))
    return frozenset(channel for channel, way in chosen if way != CONSOLE)


def shown(rows: Iterable[Row], leaving: Iterable[str]) -> list[Message]:
    """The messages among decided rows that are sent by being recorded and shown."""
    out = frozenset(leaving)
    return [row for row in rows if isinstance(row, Message) and row.channel not in out]


def console(messages: Iterable[Message]) -> None:
    """Show messages in the log."""
    channel = ConsoleChannel()
    for message in messages:
        channel.send(message)


class ConsoleChannel:
    def send(self, message: Message) -> None:
        _log.info("notification", **names(message))


def names(message: Message) -> Mapping[str, str]:
    """What a log line may say of a message: never whom it is for or what it says."""
    return {
        "message_id": message.message_id,
        "order_id": message.order_id,
        "kind": message.kind,
        "channel": message.channel,
    }


class SmtpChannel:
    """E-mail over one connection that is kept open and made again when it broke; used by one thread.

    `smtps://` encrypts from the start; `smtp+starttls://`, port 587 and a password for another machine demand STARTTLS.
    """

    def __init__(self, url: str, mail_from: str) -> None:
        try:
            parts = urlsplit(url)
            self._host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Unavailable("expected smtp://user:password@host:port, found something else") from None
        if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not self._host:
            raise Unavailable(f"expected smtp://user:password@host:port, found scheme {parts.scheme!r}")
        self._encrypted = parts.scheme == "smtps"
        self._port = port or (smtplib.SMTP_SSL_PORT if self._encrypted else smtplib.SMTP_PORT)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        far = bool(self._user) and self._host not in _LOOPBACK
        self._starttls = parts.scheme == "smtp+starttls" or self._port == _SUBMISSION or far
        self._from = mail_from
        self._open: smtplib.SMTP | None = None

    def send(self, message: Message) -> None:
        mail = letter(message, self._from)
        try:
            self._connection().send_message(mail, self._from, [message.recipient])
        except smtplib.SMTPRecipientsRefused as error:
            raise _answer(*error.recipients[message.recipient]) from None
        except smtplib.SMTPDataError as error:
            raise _answer(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"expected a server for such addresses, found {error}") from None
        except smtplib.SMTPResponseException as error:
            self.close()
            raise Away(f"expected the mail server to work with us, found {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise Away(f"expected an answer of the mail server, found {type(error).__name__}") from None

    def close(self) -> None:
        """Drop the connection; the next message opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> smtplib.SMTP:
        if self._open is not None and not _alive(self._open):
            self.close()
        if self._open is None:
            self._open = self._connect()
        return self._open

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = (
            smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=context)
            if self._encrypted
            else smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        )
        try:
            if self._starttls and not self._encrypted:
                smtp.starttls(context=context)
            if self._user:
                smtp.login(self._user, self._password)
        except smtplib.SMTPNotSupportedError as error:
            smtp.close()
            raise Away(f"expected a mail server with STARTTLS and the login asked for, found {error}") from None
        except BaseException:
            smtp.close()
            raise
        return smtp


class AppriseChannel:
    """Any provider Apprise knows; `{to}` in its URL stands for the recipient, who else comes last in the path."""

    def __init__(self, url: str) -> None:
        try:
            self._apprise: Any = importlib.import_module("apprise")
        except ImportError:
            raise Unavailable("expected the package apprise, found none: pip install 'farandole[sms]'") from None
        # Apprise writes recipients into its log lines.
        logging.getLogger("apprise").disabled = True
        self._url = url if "{to}" in url else _with_recipient(url)
        if not self._apprise.Apprise().add(self._addressed("+14155550123")):
            raise Unavailable(f"expected a URL that Apprise knows, found {urlsplit(url).scheme}://…")

    def send(self, message: Message) -> None:
        provider = self._apprise.Apprise()
        if not provider.add(self._addressed(message.recipient)):
            raise Refused("expected a recipient that the provider can reach, found another")
        if not provider.notify(title=message.subject, body=message.body):
            raise Transient("expected the provider to take the message, found a refusal without a reason")

    def _addressed(self, recipient: str) -> str:
        return self._url.replace("{to}", recipient.removeprefix("+"))


def letter(message: Message, mail_from: str) -> EmailMessage:
    """The e-mail of a message, the same each time; raises Refused for an address that no e-mail can carry."""
    mail = EmailMessage()
    try:
        mail["Message-ID"] = f"<{message.message_id}@farandole>"
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.decided_at // 1_000_000, UTC))
        mail["From"] = mail_from
        mail["To"] = Address(addr_spec=message.recipient)
        mail["Subject"] = message.subject
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
    except (ValueError, LookupError, MessageError) as error:
        raise Refused(f"expected an address that e-mail can carry, found {type(error).__name__}") from None
    return mail


def _answer(code: int, text: bytes | str) -> Transient | Refused:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    found = f"expected the mail server to take the message, found {code} {words}"
    return Refused(found) if code >= 500 else Transient(found)


def _alive(smtp: smtplib.SMTP) -> bool:
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _with_recipient(url: str) -> str:
    before, mark, query = url.partition("?")
    return f"{before.rstrip('/')}/{{to}}{mark}{query}"
