"""What the Kafka transport asks of its client library, and what it makes of its reports, without a broker."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from farandole.messaging.failure import Transient
from farandole.messaging.transport import Partition
from farandole.messaging.transport import kafka as room
from farandole.messaging.transport.kafka import KafkaTransport, publisher
from farandole.messaging.transport.kafka.publisher import KafkaPublisher
from farandole.messaging.transport.kafka.subscription import KafkaSubscription
from farandole.messaging.transport.kafka.topics import Topics
from farandole.proof.ground.waiting import drive_until
from farandole.runtime.wiring import NAMES
from tests.transport.members import messages

TOPIC = "order.placed"
Report = Callable[[KafkaError | None, object], None]


class Library:
    """A producer of the client library; reports come when the test says so."""

    def __init__(self, room: int = 1000) -> None:
        self.sent: list[bytes] = []
        self._room = room
        self._reports: list[Report] = []
        self._arrived: list[partial[None]] = []

    def produce(self, topic: str, value: bytes, key: str, on_delivery: Report, headers: object) -> None:
        if len(self._reports) >= self._room:
            raise BufferError
        self.sent.append(value)
        self._reports.append(on_delivery)

    def report(self, error: KafkaError | None = None, most: int = 1000) -> None:
        reports, self._reports = self._reports[:most], self._reports[most:]
        self._arrived += [partial(report, error, None) for report in reports]

    def poll(self, patience: float) -> None:
        while self._arrived:
            self._arrived.pop(0)()

    flush = poll

    def purge(self) -> None:
        self.report(KafkaError(KafkaError._PURGE_QUEUE))


def opened(made: list[Library], room: int = 1000) -> KafkaPublisher:
    def make() -> Any:
        made.append(Library(room))
        return made[-1]

    return KafkaPublisher(make, "")


def test_messages_are_durable_when_all_their_reports_say_so() -> None:
    made: list[Library] = []
    publishing = opened(made)
    sent = [publishing.publish(messages(TOPIC, 3)), publishing.publish([])]
    assert [receipt.done for receipt in sent] == [False, True]
    made[-1].report(most=2)
    publishing.poll(0)
    assert [receipt.done for receipt in sent] == [False, True]
    made[-1].report()
    publishing.poll(0)
    assert [receipt.done for receipt in sent] == [True, True]


def test_a_message_that_was_refused_is_sent_again_by_another_producer() -> None:
    made: list[Library] = []
    publishing = opened(made)
    sent = [publishing.publish(messages(TOPIC, 3))]
    made[-1].report(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert [receipt.done for receipt in sent] == [False]
    publishing.poll(0)
    first, second = made
    assert second.sent == first.sent
    second.report()
    publishing.poll(0)
    assert [receipt.done for receipt in sent] == [True]
    assert publishing.close(0)


def test_nothing_new_is_taken_while_something_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "RESTORE_SECONDS", 3600)
    made: list[Library] = []
    publishing = opened(made)
    publishing.publish(messages(TOPIC, 1))
    made[-1].report(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    publishing.poll(0)
    made[-1].report(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    with pytest.raises(Transient, match="expected Kafka to take messages"):
        publishing.publish(messages(TOPIC, 1))


def test_what_finds_no_room_is_not_taken_and_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "FULL_SECONDS", 0)
    made: list[Library] = []
    publishing = opened(made, room=3)
    with pytest.raises(Transient, match="expected room in Kafka's queue, found 3 messages waiting"):
        publishing.publish(messages(TOPIC, 5))
    made[-1].report()
    sent = publishing.publish(messages(TOPIC, 2))
    made[-1].report()
    publishing.poll(0)
    assert sent.done


def test_a_fatal_error_amid_reports_ends_nothing() -> None:
    """Of the library itself, on its own stand-in for a broker: what was in flight when it was purged cannot be gapless."""
    options = {"test.mock.num.brokers": "1", "test.mock.broker.rtt": "20", "log_level": "0"}
    publishing = KafkaTransport("", options=options).publisher("order")
    sent = publishing.publish(messages(TOPIC, 3))
    drive_until(lambda: sent.done, partial(publishing.poll, 0.01))
    sent = publishing.publish(messages(TOPIC, 50))
    assert not publishing.close(0)
    assert not sent.done
    drive_until(lambda: sent.done, partial(publishing.poll, 0.01))


class Settled(Exception):
    """The settings of a client are known, and no client is wanted."""


def settings_of(monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]) -> Mapping[str, Any]:
    """What a client of the library would be made with."""
    seen: dict[str, Any] = {}

    def settle(settings: Mapping[str, Any]) -> None:
        seen.update(settings)
        raise Settled

    for kind in ("Producer", "Consumer"):
        monkeypatch.setattr(room, kind, settle)
    known = SimpleNamespace(topics={TOPIC: None})
    monkeypatch.setattr(room, "AdminClient", lambda settings: SimpleNamespace(list_topics=lambda timeout: known))
    with pytest.raises(Settled):
        make()
    return seen


HOSTILE = {
    "acks": "1",
    "enable.idempotence": "false",
    "enable.gapless.guarantee": "false",
    "message.timeout.ms": "100",
    "partitioner": "random",
    "enable.auto.commit": "true",
    "enable.auto.offset.store": "true",
    "auto.offset.reset": "latest",
    "bootstrap.servers": "elsewhere:9092",
}


@pytest.mark.parametrize("options", [{}, HOSTILE], ids=["as it is", "whatever an operator sets"])
def test_no_option_weakens_what_is_promised(monkeypatch: pytest.MonkeyPatch, options: dict[str, str]) -> None:
    transport = KafkaTransport("here:9092", options=options)
    producing = settings_of(monkeypatch, lambda: transport.publisher("order"))
    promised = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 0, "bootstrap.servers": "here:9092"}
    assert {name: producing[name] for name in promised} == promised
    hearing = settings_of(monkeypatch, lambda: transport.subscribe("order", [TOPIC], lambda taken: None))
    chosen = {"enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error"}
    assert {name: hearing[name] for name in chosen} == chosen


def test_everybody_has_one_partitioner(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = KafkaTransport("here:9092", options={"partitioner": "random"})
    names = [f"{name}{more}" for name in NAMES for more in ("", "-relay", "-republish")]
    found = {settings_of(monkeypatch, lambda n=name: transport.publisher(n))["partitioner"] for name in names}  # type: ignore[misc]
    assert found == {"murmur2_random"}


class Group:
    """A consumer of the client library, of which a partition is taken away between two reads."""

    def __init__(self) -> None:
        self.assign: Any = None
        self.revoke: Any = None

    def subscribe(self, names: Sequence[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.assign, self.revoke = on_assign, on_revoke

    def consume(self, limit: int, patience: float) -> list[Any]:
        if limit == 1:
            return [_delivered(0, 0)]
        self.revoke(self, [TopicPartition(TOPIC, 0)])
        return [_delivered(1, 0)]

    def incremental_assign(self, places: object) -> None: ...

    def incremental_unassign(self, places: object) -> None: ...

    def pause(self, places: object) -> None: ...

    def resume(self, places: object) -> None: ...


def _delivered(partition: int, offset: int) -> Any:
    told = {"topic": TOPIC, "partition": partition, "offset": offset, "key": b"k", "value": b"v", "headers": []}
    told |= {"error": None, "timestamp": (1, 1)}
    return SimpleNamespace(**{name: lambda told=value: told for name, value in told.items()})


def test_a_record_of_a_partition_that_was_taken_away_is_its_next_owners() -> None:
    group, taken = Group(), list[frozenset[Partition]]()
    subscription = KafkaSubscription(group, None, "", taken.append)  # type: ignore[arg-type]
    subscription.join([TOPIC])
    group.assign(group, [TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)])
    subscription.begin({Partition(TOPIC, 0): 0, Partition(TOPIC, 1): 0})
    assert [record.partition for record in subscription.poll(10, 0)] == [1]
    assert taken == [frozenset({Partition(TOPIC, 0)})]


class Admin:
    """What a cluster of three brokers says of one topic."""

    def __init__(self, copies: int, config: Mapping[str, str]) -> None:
        self._copies, self._config = copies, config

    def describe_topics(self, topics: object, request_timeout: float) -> dict[str, Future[Any]]:
        partitions = [SimpleNamespace(replicas=range(self._copies)) for _ in range(3)]
        return {TOPIC: _known(SimpleNamespace(partitions=partitions))}

    def describe_configs(self, resources: Sequence[Any], request_timeout: float) -> dict[Any, Future[Any]]:
        return {resources[0]: _known({name: SimpleNamespace(value=value) for name, value in self._config.items()})}


def _known(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


SAFE = {"min.insync.replicas": "2", "cleanup.policy": "delete", "unclean.leader.election.enable": "false"}


@pytest.mark.parametrize(
    ("copies", "changed", "said"),
    [
        (3, {}, "3 partitions, as wanted"),
        (2, {}, "expected replication 3, found 2"),
        (3, {"min.insync.replicas": "1"}, "expected min.insync.replicas 2, found 1"),
        (3, {"cleanup.policy": "compact"}, "expected cleanup.policy=delete, found compact"),
        (3, {"unclean.leader.election.enable": "true"}, "expected unclean.leader.election.enable=false, found true"),
    ],
)
def test_a_topic_that_is_weaker_than_it_could_be_is_named(copies: int, changed: dict[str, str], said: str) -> None:
    topics = Topics(Admin(copies, SAFE | changed), brokers=3, partitions=3)  # type: ignore[arg-type]
    (line,) = topics.ensure([TOPIC], frozenset([TOPIC]))
    assert line == f"{TOPIC}: {said}"
