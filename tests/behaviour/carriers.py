"""A transport that ends with its process: what was not durable is lost, and nobody says farewell."""

from collections.abc import Mapping, Sequence

from farandole.messaging.envelope import Message, Record
from farandole.messaging.transport import Opening, Partition, Publisher, Receipt, Revoked, Subscription, Transport


class Never:
    """The receipt of what a dying process never sent."""

    done = False


class FrailPublisher:
    """Loses everything while its carrier is losing."""

    def __init__(self, carrier: "Frail", inner: Publisher) -> None:
        self._carrier, self._inner = carrier, inner

    def publish(self, messages: Sequence[Message]) -> Receipt:
        if self._carrier.losing and messages:
            self._carrier.lost += len(messages)
            return Never()
        return self._inner.publish(messages)

    def poll(self, patience: float) -> None:
        self._inner.poll(patience)

    def close(self, patience: float) -> bool:
        return self._inner.close(patience)


class FrailSubscription:
    """Forgets every commit of offsets while its carrier is forgetting."""

    def __init__(self, carrier: "Frail", inner: Subscription) -> None:
        self._carrier, self._inner = carrier, inner

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        records = self._inner.poll(min(limit, self._carrier.most), patience)
        for record in records:
            self._carrier.reached[Partition(record.topic, record.partition)] = record.offset + 1
        return records

    def openings(self) -> list[Opening]:
        return self._inner.openings()

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        self._carrier.reached.update(offsets)
        self._inner.begin(offsets)

    def pause(self) -> None:
        self._inner.pause()

    def resume(self) -> None:
        self._inner.resume()

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        if self._carrier.forgetting:
            self._carrier.forgotten += 1
            return
        self._inner.commit(offsets, wait=wait)

    def close(self) -> None:
        self._inner.close()


class Frail:
    """One process's view of a transport; `most` bounds the records of a poll, `reached` is how far
    its partitions are heard, `lost` and `forgotten` count what a fault hit."""

    def __init__(self, inner: Transport) -> None:
        self.losing = self.forgetting = self.dead = False
        self.lost = self.forgotten = 0
        self.most = 10_000
        self.reached: dict[Partition, int] = {}
        self._inner = inner
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []

    def publisher(self, name: str) -> Publisher:
        publisher = self._inner.publisher(name)
        self._publishers.append(publisher)
        return FrailPublisher(self, publisher)

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> Subscription:
        def farewell(partitions: frozenset[Partition]) -> None:
            if not self.dead:
                revoked(partitions)
            for partition in partitions:
                self.reached.pop(partition, None)

        subscription = self._inner.subscribe(group, topics, farewell)
        self._subscriptions.append(subscription)
        return FrailSubscription(self, subscription)

    def crash(self) -> None:
        """End as a killed process does."""
        self.dead = True
        for subscription in self._subscriptions:
            subscription.close()
        for publisher in self._publishers:
            publisher.close(0)

    def close(self) -> None:
        """Do nothing: the ground closes the transport."""
