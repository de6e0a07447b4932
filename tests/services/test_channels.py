"""Channels: which messages leave, as what they leave, and which addresses they take."""

from collections.abc import Sequence

import pytest

from farandole.messaging.failure import Transient
from farandole.proof.ground.ports import free_port
from farandole.services.notification.channels import AppriseChannel, SmtpChannel, Unavailable, leaving, letter, shown
from farandole.services.notification.domain import Delivery, Message
from tests.services.mail import MailServer, listening, message


@pytest.mark.parametrize(
    ("email", "sms", "out"),
    [("console", "console", set()), ("smtp", "console", {"email"}), ("smtp", "apprise", {"email", "sms"})],
)
def test_console_messages_stay_and_are_shown(email: str, sms: str, out: set[str]) -> None:
    messages: Sequence[Message] = (message(1), message(2, "+14155550123", "sms"))
    rows = (*messages, Delivery("x", 0, 0, False))
    assert leaving(email, sms) == out
    assert [m.channel for m in shown(rows, out)] == [m.channel for m in messages if m.channel not in out]


def test_a_letter_is_the_same_each_time() -> None:
    assert letter(message(), "shop@example.com").as_bytes() == letter(message(), "shop@example.com").as_bytes()


@pytest.mark.parametrize("url", ["http://example.com", "smtp://", "smtp://h:port", "localhost:25"])
def test_a_mail_server_needs_an_address(url: str) -> None:
    with pytest.raises(Unavailable, match="expected smtp://"):
        SmtpChannel(url, "shop@example.com")


def test_a_password_is_never_sent_in_the_clear_to_another_machine() -> None:
    port = free_port()
    with listening(MailServer(), port):
        channel = SmtpChannel(f"smtp+starttls://user:secret@127.0.0.1:{port}", "shop@example.com")
        with pytest.raises(Transient, match="STARTTLS") as refused:
            channel.send(message())
    assert "secret" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own
def test_apprise_puts_the_recipient_into_its_url() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(Unavailable, match="Apprise knows, found nonsense"):
        AppriseChannel("nonsense://secret@example.com")
    with pytest.raises(Transient):
        AppriseChannel(f"json://127.0.0.1:{free_port()}/{{to}}").send(message(1, "+14155550123", "sms"))
