"""Messages reach a real mail server exactly as recorded, later rather than never, and under one id whatever happens."""

from collections.abc import Callable, Iterator

import pytest
import structlog

from farandole.messaging.database import open_database
from farandole.messaging.failure import Transient
from farandole.proof.ground.ports import free_port
from farandole.services.notification.channels import Channel, SmtpChannel, console
from farandole.services.notification.delivery import LEASE, SECOND, TAKEN, Backoff, Courier
from farandole.services.notification.domain import Message
from farandole.services.notification.storage import METADATA
from tests.services.mail import NOW, OK, MailServer, Recorded, listening, message


@pytest.fixture
def recorded(database_url: str) -> Iterator[Recorded]:
    database = open_database(database_url)
    METADATA.create_all(database.engine)
    yield Recorded(database)
    database.close()


@pytest.fixture
def opened() -> Iterator[Callable[[int], SmtpChannel]]:
    """Makes channels to a port, and closes them."""
    made: list[SmtpChannel] = []

    def make(port: int) -> SmtpChannel:
        made.append(SmtpChannel(f"smtp://127.0.0.1:{port}", "shop@example.com"))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


Opened = Callable[[int], SmtpChannel]


def courier(recorded: Recorded, email: Channel, jitter: float = 0.0) -> Courier:
    return Courier(recorded.database, {"email": email}, Backoff(lambda: jitter))


def test_a_message_arrives_as_recorded_under_its_own_id(recorded: Recorded, opened: Opened) -> None:
    port, server, sent = free_port(), MailServer(), message()
    recorded.add(sent)
    with listening(server, port):
        assert courier(recorded, opened(port)).turn(NOW) == 1
    (letter,) = server.letters
    assert letter["Message-ID"] == f"<{sent.message_id}@farandole>"
    assert letter["Date"].datetime.timestamp() == NOW / SECOND
    assert (letter["From"], letter["To"], letter["Subject"]) == ("shop@example.com", sent.recipient, sent.subject)
    assert letter.get_content().strip() == sent.body
    assert recorded.left() == []


def test_many_messages_share_a_connection(recorded: Recorded, opened: Opened) -> None:
    port, server = free_port(), MailServer()
    recorded.add(*(message(number) for number in range(1, TAKEN + 3)))
    with listening(server, port):
        courier_ = courier(recorded, opened(port))
        assert [courier_.turn(NOW), courier_.turn(NOW), courier_.turn(NOW)] == [TAKEN, 2, 0]
    assert len({letter["Message-ID"] for letter in server.letters}) == TAKEN + 2
    assert len(server.sessions) == 1


def test_a_refusal_for_now_is_tried_again_later_also_by_another_courier(recorded: Recorded, opened: Opened) -> None:
    port, server, sent = free_port(), MailServer(answer="451 4.3.0 try again later"), message()
    recorded.add(sent)
    with listening(server, port):
        first = courier(recorded, opened(port), jitter=0.5)
        assert first.turn(NOW) == 1
        (put_off,) = recorded.left()
        assert (put_off.attempts, put_off.gave_up) == (1, False)
        assert put_off.due_at == NOW + 5 * SECOND * 3 // 4
        assert "451 4.3.0 try again later" in str(put_off.error)
        assert first.turn(put_off.due_at - 1) == 0
        assert first.turn(put_off.due_at) == 1
        (again,) = recorded.left()
        assert again.due_at - put_off.due_at == 10 * SECOND * 3 // 4
        del first
        server.answer = OK
        assert courier(recorded, opened(port)).turn(again.due_at) == 1
    (letter,) = server.letters
    assert letter["Message-ID"] == f"<{sent.message_id}@farandole>"
    assert letter.get_content().strip() == sent.body
    assert recorded.left() == []


def test_a_definite_refusal_is_kept_and_not_tried_again(recorded: Recorded, opened: Opened) -> None:
    port, server = free_port(), MailServer({"gone@example.com": "550 5.1.1 no such user"})
    recorded.add(message(1, "gone@example.com"), message(2))
    with listening(server, port):
        courier_ = courier(recorded, opened(port))
        assert [courier_.turn(NOW), courier_.turn(NOW + 10**15)] == [2, 0]
    (given_up,) = recorded.left()
    assert (given_up.message_id, given_up.gave_up, given_up.attempts) == (message(1).message_id, True, 1)
    assert "550 5.1.1 no such user" in str(given_up.error)
    assert [letter["To"] for letter in server.letters] == ["ada@example.com"]


def test_a_server_that_is_away_is_asked_once_a_turn(recorded: Recorded, opened: Opened) -> None:
    recorded.add(message(1), message(2))
    assert courier(recorded, opened(free_port())).turn(NOW) == 2
    assert [(row.attempts, row.gave_up) for row in recorded.left()] == [(1, False)] * 2


def test_a_connection_that_broke_is_made_again(recorded: Recorded, opened: Opened) -> None:
    port, server = free_port(), MailServer()
    courier_ = courier(recorded, opened(port))
    for number in (1, 2):
        recorded.add(message(number))
        with listening(server, port):
            courier_.turn(NOW)
    assert len(server.letters) == 2
    assert recorded.left() == []


class Killed(BaseException):
    """The process ends here."""


class Deadly:
    def send(self, message: Message) -> None:
        raise Killed


def test_what_a_killed_process_had_taken_is_due_again_and_nobody_elses_before(
    recorded: Recorded, opened: Opened
) -> None:
    port, server = free_port(), MailServer()
    recorded.add(message())
    with pytest.raises(Killed):
        courier(recorded, Deadly()).turn(NOW)
    with listening(server, port):
        successor = courier(recorded, opened(port))
        assert [successor.turn(NOW + LEASE - 1), successor.turn(NOW + LEASE)] == [0, 1]
    assert len(server.letters) == 1
    assert recorded.left() == []


class Interrupted:
    """While it sends, another courier takes the message over, as after a lease that ran out."""

    def __init__(self, meanwhile: Callable[[], object], error: Exception | None = None) -> None:
        self._meanwhile, self._error = meanwhile, error

    def send(self, message: Message) -> None:
        self._meanwhile()
        if self._error:
            raise self._error


def test_sending_happens_outside_every_transaction(recorded: Recorded) -> None:
    recorded.add(message(1))
    courier(recorded, Interrupted(lambda: recorded.add(message(2)))).turn(NOW)
    assert [row.message_id for row in recorded.left()] == [message(2).message_id]


def test_a_late_failure_does_not_move_what_another_courier_holds(recorded: Recorded) -> None:
    recorded.add(message())
    with pytest.raises(Killed):
        courier(recorded, Interrupted(lambda: takeover(recorded), Transient("too late"))).turn(NOW)
    assert [(row.due_at, row.attempts) for row in recorded.left()] == [(NOW + 2 * LEASE, 0)]


def takeover(recorded: Recorded) -> None:
    try:
        courier(recorded, Deadly()).turn(NOW + LEASE)
    except Killed:
        (held,) = recorded.left()
        assert held.due_at == NOW + 2 * LEASE
        raise


def test_a_bug_with_one_message_does_not_keep_the_others(recorded: Recorded) -> None:
    class Buggy:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def send(self, message: Message) -> None:
            if message.recipient == "bug@example.com":
                raise KeyError("surprise")
            self.sent.append(message.message_id)

    buggy = Buggy()
    recorded.add(message(1, "bug@example.com"), message(2))
    courier(recorded, buggy).turn(NOW)
    assert buggy.sent == [message(2).message_id]
    assert [(row.attempts, row.error) for row in recorded.left()] == [(1, "KeyError: 'surprise'")]


def test_without_a_channel_a_message_waits(recorded: Recorded) -> None:
    recorded.add(message(1, "+14155550123", "sms"))
    Courier(recorded.database, {}, Backoff(lambda: 0.0)).turn(NOW)
    assert [(row.attempts, row.gave_up) for row in recorded.left()] == [(1, False)]


def test_no_log_line_has_an_address(recorded: Recorded) -> None:
    recorded.add(message())
    with (
        structlog.testing.capture_logs() as lines,
        listening(MailServer(answer="550 no ada@example.com"), port := free_port()),
    ):
        channel = SmtpChannel(f"smtp://127.0.0.1:{port}", "shop@example.com")
        courier(recorded, channel).turn(NOW)
        console([message()])
        channel.close()
    assert len(lines) == 2
    assert "ada" not in str(lines)
    assert message().order_id in str(lines[0])


def test_waits_double_up_to_an_hour() -> None:
    backoff = Backoff(lambda: 0.0)
    waits = [backoff.after(attempts) // SECOND for attempts in (1, 2, 3, 10, 11, 1000)]
    assert waits == [5, 10, 20, 2560, 3600, 3600]
    assert Backoff(lambda: 1.0).after(1) == 5 * SECOND // 2


@pytest.mark.parametrize("recipient", ["a>b@example.com", "a,b@example.com", '"@example.com', "é@example.com", "[@["])
def test_an_address_no_server_takes_is_given_up_and_never_a_crash(
    recorded: Recorded, opened: Opened, recipient: str
) -> None:
    port, server = free_port(), MailServer()
    recorded.add(message(1, recipient), message(2))
    with listening(server, port):
        courier(recorded, opened(port)).turn(NOW)
    assert message(2).message_id in server.letters[-1]["Message-ID"]
    for row in recorded.left():
        assert row.gave_up
