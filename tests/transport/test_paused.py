"""A partition that was paused when it went away is heard when it comes back."""

from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground.waiting import drive_until
from tests.transport.members import Member, messages, say

TOPIC = "order.placed"
PARTITIONS = 2


def test_what_was_paused_when_it_was_taken_away_is_heard_when_it_comes_back(kafka: str, topic_prefix: str) -> None:
    transport = KafkaTransport(kafka, prefix=topic_prefix)
    transport.ensure_topics([TOPIC], PARTITIONS)
    publisher = transport.publisher("test")
    with Member(transport, "group", [TOPIC]) as member:
        drive_until(lambda: len(member.owned) == PARTITIONS, member.poll)
        member.subscription.pause()
        with Member(transport, "group", [TOPIC]) as other:
            drive_until(lambda: other.owned, lambda: (member.poll(), other.poll()))
            member.subscription.resume()
        drive_until(lambda: len(member.owned) == PARTITIONS, member.poll)
        say(publisher, messages(TOPIC, 20))
        assert len(member.hear(20)) == 20
    assert publisher.close(10)
