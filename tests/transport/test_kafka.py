"""What only a real broker can break: itself, its log, its topics, and the processes that listen to it."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from farandole.messaging.envelope import Message
from farandole.messaging.failure import Halt, Transient
from farandole.messaging.transport import Partition, Receipt
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.messaging.transport.kafka.subscription import UNREADABLE, KafkaSubscription
from farandole.proof.ground import KafkaServer
from farandole.proof.ground.ports import free_port
from farandole.proof.ground.waiting import drive_until
from farandole.proof.hostile.wire import produce
from tests.transport.members import Member, expected_values, first_values, messages, say

TOPIC = "order.placed"
PARTITIONS = 3
TAKEOVER_SECONDS = 10
OFTEN = 100
"""After so many calls the interpreter calls without looking whether it went well."""
LISTENER = """
import sys
from farandole.messaging.transport.kafka import KafkaTransport
from tests.transport.members import Member
member = Member(KafkaTransport(sys.argv[1], prefix=sys.argv[2]), "group", ["order.placed"])
while True:
    member.poll()
    if member.heard:
        print(len(member.heard), flush=True)
"""


def test_a_record_that_no_client_would_send_is_heard_and_those_after_it(
    transport: KafkaTransport, kafka: str, topic_prefix: str
) -> None:
    place = (f"{topic_prefix}{TOPIC}", 0)
    for _ in range(OFTEN):
        produce(kafka, place, (b"key", b"value"), [(b"ce_id", b"y")])
    produce(kafka, place, (b"key", b"value"), [(b"\xff\xfe", b"x"), (b"ce_id", b"y")])
    produce(kafka, place, (None, None), at=-(2**62))
    produce(kafka, place, (b"key", b"value"), [(b"ce_id", b"y")])
    member = Member(transport, "group", [TOPIC])
    drive_until(lambda: len(member.heard) == OFTEN + 3, member.poll)
    unreadable, ancient, plain = member.heard[OFTEN:]
    assert (unreadable.key, unreadable.value, unreadable.headers) == (b"key", b"value", UNREADABLE)
    assert (ancient.key, ancient.value, ancient.at) == (None, None, 0)
    assert plain.headers == (("ce_id", b"y"),)


def test_a_record_of_a_time_that_no_database_can_keep_is_heard(kafka: str, topic_prefix: str) -> None:
    name, lenient = f"{topic_prefix}{TOPIC}", {"message.timestamp.after.max.ms": str(2**63 - 1)}
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(name, 1, 1, config=lenient)])[name].result(30)
    produce(kafka, (name, 0), (b"key", b"value"), at=2**62)
    with Member(KafkaTransport(kafka, prefix=topic_prefix), "group", [TOPIC]) as member:
        (record,) = member.hear(1)
    assert 0 < record.at < 2**63


@pytest.fixture
def transport(kafka: str, topic_prefix: str) -> KafkaTransport:
    """The shared broker under this test's own prefix, with one topic."""
    made = KafkaTransport(kafka, prefix=topic_prefix)
    made.ensure_topics([TOPIC], PARTITIONS)
    return made


@pytest.mark.proof
@pytest.mark.kafka
def test_a_broker_killed_and_started_again_has_every_message_in_order(own_kafka: KafkaServer) -> None:
    own_kafka.start()
    transport = KafkaTransport(own_kafka.bootstrap)
    transport.ensure_topics([TOPIC], PARTITIONS)
    said = messages(TOPIC, 6_000, keys=50)
    receipts: list[Receipt] = []
    publisher = transport.publisher("test")
    for begin in range(0, len(said), 200):
        receipts.append(publisher.publish(said[begin : begin + 200]))
        publisher.poll(0.01)
        if begin == 2_000:
            own_kafka.kill()
    under_way = sum(not receipt.done for receipt in receipts)
    own_kafka.start()

    assert publisher.close(60)
    assert under_way > 0
    assert all(receipt.done for receipt in receipts)
    wanted = expected_values(said)
    with Member(transport, "group", [TOPIC]) as member:
        drive_until(
            lambda: sum(map(len, first_values(member.heard).values())) == len(said), lambda: member.poll(limit=2_000)
        )
        assert first_values(member.heard) == wanted


@pytest.mark.kafka
def test_a_message_the_broker_refuses_is_published_again_in_its_place(
    kafka: str, topic_prefix: str, transport: KafkaTransport
) -> None:
    said = messages(TOPIC, 30, keys=1)
    said[10] = Message(TOPIC, "key-0", b"10" + b" " * 20_000, ())
    _limit_messages(kafka, topic_prefix + TOPIC, 10_000)
    publisher = transport.publisher("test")
    receipt = publisher.publish(said)
    refused: list[str] = []

    def ask() -> None:
        publisher.poll(0.05)
        try:
            publisher.publish([])
        except Transient as error:
            refused.append(str(error))

    drive_until(lambda: refused, ask)
    assert not receipt.done
    _limit_messages(kafka, topic_prefix + TOPIC, 100_000)
    drive_until(lambda: receipt.done, lambda: publisher.poll(0.05))

    assert publisher.close(10)
    with Member(transport, "group", [TOPIC]) as member:
        drive_until(lambda: sum(map(len, first_values(member.heard).values())) == 30, member.poll)
        assert first_values(member.heard) == expected_values(said)


@pytest.mark.kafka
def test_beginning_beyond_the_end_of_the_log_halts(transport: KafkaTransport) -> None:
    with closing(transport.subscribe("group", [TOPIC], lambda _: None)) as subscription:
        drive_until(subscription.openings, lambda: subscription.poll(10, 0.05))
        subscription.begin({opening.partition: opening.ends + 5 for opening in subscription.openings()})

        def read_on() -> None:
            drive_until(lambda: False, lambda: subscription.poll(10, 0.05))

        with pytest.raises(Halt, match=f"expected offset .* of .*{TOPIC}"):
            read_on()


@pytest.mark.kafka
def test_the_partitions_of_a_killed_process_are_taken_over(
    kafka: str, topic_prefix: str, transport: KafkaTransport
) -> None:
    publisher = transport.publisher("test")
    say(publisher, messages(TOPIC, 30))
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"}
    command = [sys.executable, "-c", LISTENER, kafka, topic_prefix]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            with Member(transport, "group", [TOPIC]) as member:
                drive_until(lambda: 0 < len(member.owned) < PARTITIONS, member.poll)
                process.kill()
                killed = time.monotonic()
                drive_until(lambda: len(member.owned) == PARTITIONS, member.poll)
                assert time.monotonic() - killed < TAKEOVER_SECONDS
                member.hear(30)
        finally:
            process.kill()
    assert publisher.close(10)


@pytest.mark.kafka
def test_partitions_are_given_back_before_the_client_begins_to_close(transport: KafkaTransport) -> None:
    """Once in many closes the client library dropped what it was told while closing, and waited for ever."""
    member = Member(transport, "group", [TOPIC])
    drive_until(lambda: len(member.owned) == PARTITIONS, member.poll)
    with closing(member.subscription):
        given_back: list[frozenset[Partition]] = []
        assert isinstance(member.subscription, KafkaSubscription)
        consumer = member.subscription._consumer

        class Closing:
            def __getattr__(self, name: str) -> object:
                return getattr(consumer, name)

            def close(self) -> None:
                given_back.extend(member.revoked)
                consumer.close()

        member.subscription._consumer = Closing()  # type: ignore[assignment]
    assert len(frozenset().union(*given_back)) == PARTITIONS


def test_a_broker_that_is_away_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    transport = KafkaTransport(address)
    with pytest.raises(Transient, match=address):
        transport.ready(0.2)


def test_a_publisher_says_when_it_could_not_finish() -> None:
    publisher = KafkaTransport(f"127.0.0.1:{free_port()}").publisher("test")
    receipt = publisher.publish(messages(TOPIC, 3))
    assert not publisher.close(0.2)
    assert not receipt.done


def test_a_missing_topic_is_named_with_its_remedy(kafka: str, topic_prefix: str) -> None:
    transport = KafkaTransport(kafka, prefix=topic_prefix)
    with pytest.raises(Transient, match=rf"{topic_prefix}{TOPIC}.*farandole topics"):
        transport.subscribe("group", [TOPIC], lambda _: None)


def test_topics_are_created_once_and_compared_with_what_is_wanted(kafka: str, topic_prefix: str) -> None:
    transport = KafkaTransport(kafka, prefix=topic_prefix)
    name, why = topic_prefix + TOPIC, "replication is 1, not 3, because the cluster has 1 broker(s)"
    assert transport.ensure_topics([TOPIC], 3) == [f"{name}: created with 3 partitions, replication 1", why]
    assert transport.ensure_topics([TOPIC], 3) == [f"{name}: 3 partitions, as wanted", why]
    different, _ = transport.ensure_topics([TOPIC], 6)
    assert "expected 6 partitions, found 3" in different
    _set(kafka, name, "cleanup.policy", "compact")
    compacted, _ = transport.ensure_topics([TOPIC], 3)
    assert compacted == f"{name}: expected cleanup.policy=delete, found compact"


def _limit_messages(bootstrap: str, topic: str, size: int) -> None:
    _set(bootstrap, topic, "max.message.bytes", str(size))


def _set(bootstrap: str, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for changed in admin.incremental_alter_configs([resource]).values():
        changed.result(30)
