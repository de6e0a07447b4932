"""What every transport promises; the embedded one and Apache Kafka pass the same tests."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from farandole.messaging.transport import Publisher, Transport
from farandole.proof.ground.waiting import drive_until
from tests.transport.members import Member, expected_values, first_values, messages, say

TOPIC, OTHER = "order.placed", "order.validated"
PARTITIONS = 3


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    """A transport with both topics, empty."""
    made = _embedded(tmp_path) if request.param == "embedded" else _kafka(request)
    yield made
    made.close()


def _embedded(folder: Path) -> Transport:
    from farandole.messaging.transport.embedded import EmbeddedTransport

    transport: Transport = EmbeddedTransport(folder / "transport.db")
    return transport


def _kafka(request: pytest.FixtureRequest) -> Transport:
    from farandole.messaging.transport.kafka import KafkaTransport

    transport = KafkaTransport(request.getfixturevalue("kafka"), prefix=request.getfixturevalue("topic_prefix"))
    transport.ensure_topics([TOPIC, OTHER], PARTITIONS)
    return transport


@contextmanager
def _publishing(transport: Transport) -> Iterator[Publisher]:
    publisher = transport.publisher("test")
    yield publisher
    assert publisher.close(30)


def _say(transport: Transport, count: int, topic: str = TOPIC) -> None:
    with _publishing(transport) as publisher:
        say(publisher, messages(topic, count))


def test_what_is_published_is_heard_in_order_per_key_with_the_same_bytes(transport: Transport) -> None:
    said = messages(TOPIC, 50) + messages(OTHER, 20)
    before = time.time_ns() // 1000
    with _publishing(transport) as publisher:
        say(publisher, said)
    with Member(transport, "group", [TOPIC, OTHER]) as member:
        heard = member.hear(len(said))

    for topic in (TOPIC, OTHER):
        mine = [record for record in heard if record.topic == topic]
        assert first_values(mine) == expected_values([message for message in said if message.topic == topic])
    assert sorted((r.topic, r.key, r.value, r.headers) for r in heard) == sorted(
        (m.topic, m.key.encode(), m.value, m.headers) for m in said
    )
    assert all(abs(record.at - before) < 60_000_000 for record in heard)
    assert len({(r.topic, r.partition, r.offset) for r in heard}) == len(said)


def test_a_receipt_of_nothing_is_done(transport: Transport) -> None:
    with _publishing(transport) as publisher:
        assert publisher.publish([]).done


def test_closing_a_publisher_waits_for_what_is_under_way(transport: Transport) -> None:
    publisher = transport.publisher("test")
    receipt = publisher.publish(messages(TOPIC, 10))
    assert publisher.close(30)
    assert receipt.done


def test_a_poll_takes_what_waits_and_does_not_wait_to_fill(transport: Transport) -> None:
    with Member(transport, "group", [TOPIC]) as member, _publishing(transport) as publisher:
        drive_until(lambda: member.owned == member.openings.keys() != set(), member.poll)
        say(publisher, messages(TOPIC, 1))
        begun = time.monotonic()
        drive_until(lambda: member.heard, lambda: member.poll(limit=500, patience=20))
        assert time.monotonic() - begun < 10


def test_a_poll_takes_at_most_the_limit(transport: Transport) -> None:
    _say(transport, 20)
    with Member(transport, "group", [TOPIC]) as member:
        taken: list[int] = []
        drive_until(lambda: len(member.heard) == 20, lambda: taken.append(len(member.poll(limit=3))))
        assert max(taken) <= 3


def test_the_next_member_hears_again_what_was_not_committed(transport: Transport) -> None:
    _say(transport, 30)
    with Member(transport, "group", [TOPIC]) as member:
        member.hear(30)
    with Member(transport, "group", [TOPIC]) as member:
        assert first_values(member.hear(30)) == expected_values(messages(TOPIC, 30))


def test_the_next_member_goes_on_after_what_was_committed(transport: Transport) -> None:
    said = messages(TOPIC, 40)
    with _publishing(transport) as publisher:
        say(publisher, said[:30])
        with Member(transport, "group", [TOPIC]) as member:
            member.hear(30)
            member.commit()
        say(publisher, said[30:])
        with Member(transport, "group", [TOPIC]) as member:
            assert first_values(member.hear(10)) == expected_values(said[30:])


def test_two_groups_hear_everything_independently(transport: Transport) -> None:
    _say(transport, 20)
    with Member(transport, "one", [TOPIC]) as one, Member(transport, "two", [TOPIC]) as two:
        one.hear(20)
        one.commit()
        assert first_values(two.hear(20)) == expected_values(messages(TOPIC, 20))


def test_an_opening_says_where_the_group_and_the_log_are(transport: Transport) -> None:
    _say(transport, 30)
    with Member(transport, "group", [TOPIC]) as member:
        member.hear(30)
        first = dict(member.openings)
        member.commit()
    with Member(transport, "group", [TOPIC]) as member:
        drive_until(lambda: member.owned == first.keys(), member.poll)
        second = dict(member.openings)

    assert {opening.committed for opening in first.values()} == {None}
    assert {opening.begins for opening in first.values()} == {0}
    assert sum(opening.ends for opening in first.values()) == 30
    assert all(at == opening.partition for at, opening in first.items())
    heard_something = {at for at, opening in first.items() if opening.ends}
    assert {at: second[at].committed for at in heard_something} == {at: first[at].ends for at in heard_something}
    assert {opening.topic_id for opening in second.values()} == {opening.topic_id for opening in first.values()}
    assert len({opening.topic_id for opening in first.values()} - {""}) == 1


def test_topics_have_different_ids(transport: Transport) -> None:
    with Member(transport, "group", [TOPIC, OTHER]) as member:
        drive_until(lambda: {at.topic for at in member.owned} == {TOPIC, OTHER}, member.poll)
        assert len({opening.topic_id for opening in member.openings.values()}) == 2


def test_openings_are_told_again_until_begun(transport: Transport) -> None:
    with ExitStack() as stack:
        subscription = transport.subscribe("group", [TOPIC], lambda _: None)
        stack.callback(subscription.close)
        drive_until(subscription.openings, lambda: subscription.poll(10, 0.05))
        openings = subscription.openings()
        assert subscription.openings() == openings
        subscription.begin({opening.partition: opening.begins for opening in openings})
        assert not {opening.partition for opening in openings} & {
            opening.partition for opening in subscription.openings()
        }


def test_nothing_is_delivered_while_paused_and_all_of_it_after(transport: Transport) -> None:
    said = messages(TOPIC, 60)
    with Member(transport, "group", [TOPIC]) as member, _publishing(transport) as publisher:
        say(publisher, said[:40])
        drive_until(lambda: member.heard, lambda: member.poll(limit=3))
        member.subscription.pause()
        heard = len(member.heard)
        say(publisher, said[40:])
        for _ in range(10):
            assert member.poll() == []
        assert len(member.heard) == heard
        member.subscription.resume()
        member.hear(60)
        assert len(member.heard) == 60
        assert first_values(member.heard) == expected_values(said)


def test_a_partition_begun_while_paused_is_paused(transport: Transport) -> None:
    _say(transport, 10)
    with Member(transport, "group", [TOPIC]) as member:
        member.subscription.pause()
        drive_until(lambda: member.owned, member.poll)
        for _ in range(10):
            assert member.poll() == []
        member.subscription.resume()
        assert len(member.hear(10)) == 10


def test_a_member_left_alone_takes_over_everything(transport: Transport) -> None:
    said = messages(TOPIC, 60)
    with _publishing(transport) as publisher, Member(transport, "group", [TOPIC]) as staying:
        drive_until(lambda: staying.owned, staying.poll)
        with Member(transport, "group", [TOPIC]) as leaving:
            everything = staying.openings.keys()
            _share(staying, leaving, len(everything))
            say(publisher, said[:30])
            drive_until(lambda: len(staying.heard + leaving.heard) >= 30, lambda: (staying.poll(), leaving.poll()))
            staying.commit()
            leaving.commit()
        drive_until(lambda: staying.owned >= everything, staying.poll)
        say(publisher, said[30:])
        staying.hear(60 - len(leaving.heard))
        assert len(staying.heard + leaving.heard) == 60
        assert first_values([*leaving.heard, *staying.heard]).keys() == expected_values(said).keys()


def _share(staying: Member, joining: Member, partitions: int) -> None:
    """With one partition the joiner only stands by."""

    def shared() -> bool:
        settled = len(staying.owned) + len(joining.owned) == partitions and not staying.owned & joining.owned
        return settled and (bool(joining.owned) or partitions == 1)

    drive_until(shared, lambda: (staying.poll(), joining.poll()))


def test_the_kernel_is_told_what_is_taken_away(transport: Transport) -> None:
    with Member(transport, "group", [TOPIC]) as member:
        drive_until(lambda: member.owned, member.poll)
        owned = frozenset(member.owned)
    assert frozenset().union(*member.revoked) >= owned
    assert not member.owned


def test_a_large_batch_is_published_whole(transport: Transport) -> None:
    said = messages(TOPIC, 2_000, keys=300)
    with _publishing(transport) as publisher:
        say(publisher, said)
    with Member(transport, "group", [TOPIC]) as member:
        assert first_values(member.hear(2_000)) == expected_values(said)
        assert len(member.heard) == 2_000
