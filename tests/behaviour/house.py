"""A house: the four services and the monitor on one ground, driven turn by turn in the test's own thread."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from uuid_utils import uuid7

from farandole.contract import events
from farandole.contract.facts import Facts
from farandole.contract.invariants import Finding, findings
from farandole.messaging import dead_letters
from farandole.messaging.consumer import Consumer
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.dead_letters import NOBODY, By
from farandole.messaging.decision import Decision, Row
from farandole.messaging.envelope import Cause, Heard, Message, Record, digest
from farandole.messaging.intake import Intake
from farandole.messaging.kernel_tables import KERNEL, DeadLetter
from farandole.messaging.preview import Preview, preview
from farandole.messaging.service import Service
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Partition
from farandole.monitor.domain import Recorded
from farandole.monitor.storage import RECORDED
from farandole.proof.ground.cluster import SAGA
from farandole.proof.ground.waiting import PATIENCE, drive_until
from farandole.proof.records import record_fact
from farandole.runtime.routes import SERVICE_FACTS
from farandole.runtime.settings import load
from farandole.runtime.wiring import MONITOR, NAMES, TOPICS, services
from farandole.services.inventory.domain import ReceiveStock, Stock
from farandole.services.inventory.storage import STOCK
from farandole.services.order.domain import Status
from tests.behaviour.carriers import Frail
from tests.behaviour.faults import Away, Clock
from tests.behaviour.grounds import Ground
from tests.behaviour.records import copy_of


@dataclass
class Instance:
    """One process of one service."""

    service: Service
    carrier: Frail
    database: Away
    consumer: Consumer
    intake: Intake

    def turn(self, patience: float) -> None:
        self.consumer.turn(patience)
        self.intake.turn(0)

    @property
    def idle(self) -> bool:
        return self.consumer.idle and self.intake.idle and self.intake.trouble is None


@dataclass
class House:
    """Instances of every service; `replies` are the outcomes of commands by order or receipt id."""

    ground: Ground
    clock: Clock = field(default_factory=Clock)
    services: dict[str, Service] = field(default_factory=lambda: services(load({})))
    replies: dict[str, Decision | Exception] = field(default_factory=dict)
    instances: dict[str, list[Instance]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._databases = {name: self.ground.database(name) for name in NAMES}
        self._started = 0
        for name in NAMES:
            self.start(name)

    def start(self, name: str, service: Service | None = None) -> Instance:
        """One more process of a service."""
        self._started += 1
        service = service or self.services[name]
        carrier, database = Frail(self.ground.transport), Away(self._databases[name])
        around = Surroundings(self.clock, lambda: 0.5, instance=f"{name}-{self._started}", elapsed=self.clock.elapsed)
        instance = Instance(
            service,
            carrier,
            database,
            Consumer(service, database, carrier, around),
            Intake(service, database, carrier, around, self._reply),
        )
        self.instances[name].append(instance)
        return instance

    def one(self, name: str) -> Instance:
        return self.instances[name][0]

    def crash(self, name: str) -> None:
        """Every process of a service ends as if killed."""
        for instance in self.instances.pop(name):
            instance.carrier.crash()

    def restart(self, name: str, service: Service | None = None) -> Instance:
        self.crash(name)
        return self.start(name, service)

    def close(self) -> None:
        for name in list(self.instances):
            self.crash(name)
        for database in self._databases.values():
            database.close()
        self.ground.close()

    def _reply(self, outcomes: Sequence[tuple[Any, Decision | Exception]]) -> None:
        for name, outcome in outcomes:
            self.replies[name] = outcome
            if isinstance(outcome, Decision) and hasattr(outcome.guard, "order_id"):
                self.acknowledged.append(outcome.guard.order_id)

    def place(self, price: str = "10.00", quantity: int = 1, sku: str = "tea", key: str | None = None) -> str:
        """Hand an order to the order service, to be decided at its next turn; its id."""
        wish = events.PlaceOrder(
            order_id=str(uuid7()),
            customer=events.Customer(id="ada", email="ada@example.com", phone="+14155550123"),
            currency="USD",
            lines=(events.Line(sku=sku, quantity=quantity, unit_price=price),),
            idempotency=key,
        )
        content = digest(msgspec.structs.replace(wish, order_id="", idempotency=None))
        self.one("order").intake.submit(Heard(wish, Cause(wish.order_id, content), self.clock()), wish.order_id)
        return wish.order_id

    def receive(self, quantity: int, sku: str = "tea") -> str:
        """Goods come in."""
        goods = ReceiveStock(receipt_id=str(uuid7()), sku=sku, quantity=quantity)
        content = digest(msgspec.structs.replace(goods, receipt_id=""))
        intake = self.one("inventory").intake
        intake.submit(Heard(goods, Cause(goods.receipt_id, content), self.clock()), goods.receipt_id)
        self.drive(lambda: goods.receipt_id in self.replies)
        return goods.receipt_id

    def say(self, *messages: Message) -> None:
        """Put messages into their topics as somebody else would, together."""
        publisher = self.ground.transport.publisher("somebody")
        publisher.publish(messages)
        assert publisher.close(PATIENCE)

    def say_again(self, *records: Record) -> None:
        """Put copies of records into their topics."""
        self.say(*(copy_of(record) for record in records))

    def replay(self, name: str, letter_id: str, by: By = NOBODY) -> str:
        instance = self.one(name)
        here = instance.intake.around.instance
        outcome = dead_letters.replay(instance.service, self._databases[name], letter_id, here, self.clock(), by)
        instance.intake.wake()
        return outcome

    def preview(self, name: str, letter_id: str) -> Preview:
        return preview(self.one(name).service, self._databases[name], letter_id, self.clock())

    def discard(self, name: str, letter_id: str, by: By) -> None:
        dead_letters.discard(name, self._databases[name], letter_id, self.clock(), by)

    def turn(self) -> None:
        for instance in [each for group in list(self.instances.values()) for each in group]:
            instance.turn(self.ground.patience)

    def drive(self, until: Callable[[], object], seconds: float = PATIENCE) -> None:
        drive_until(until, self.turn, seconds)

    def settle(self, seconds: float = PATIENCE) -> None:
        """Turn until nothing is in flight: every log is heard to its end, every answer is acknowledged."""
        self.drive(lambda: self.quiet, seconds)

    @property
    def quiet(self) -> bool:
        if not all(instance.idle for group in self.instances.values() for instance in group):
            return False
        ends = self.ground.ends()
        return all(self._heard_all(name, ends) for name in self.instances)

    def _heard_all(self, name: str, ends: dict[Partition, int]) -> bool:
        """Some instance has each partition and heard it to its end; what the database decided is not enough after a crash."""
        reached: dict[Partition, int] = {}
        for instance in self.instances[name]:
            reached |= instance.carrier.reached
        mine = self.services[name].topics
        return all(reached.get(at) == end for at, end in ends.items() if at.topic in mine)

    def flows(self) -> dict[str, str]:
        """One settled order through each flow, by the flow's name."""
        self.receive(10)
        orders = {
            "happy": self.place(),
            "payment-failure": self.place(price="10000.01"),
            "stock-failure": self.place(sku="nothing"),
        }
        self.settle()
        return orders

    def read(self, name: str, reader: Callable[[Transaction], Any]) -> Any:
        with self._databases[name].reading() as transaction:
            return reader(transaction)

    def rows(self, name: str, relation: Relation[Any]) -> list[Any]:
        found: list[Any] = self.read(name, lambda transaction: transaction.all(relation))
        return found

    def dead(self, name: str) -> list[DeadLetter]:
        return self.rows(name, KERNEL.dead_letters)

    def everything_in(self, name: str) -> dict[str, list[Any]]:
        """Every row of every table of a service, by table."""

        def look(transaction: Transaction) -> dict[str, list[Any]]:
            tables = sa.inspect(transaction.connection).get_table_names()
            return {
                table: sorted(map(repr, transaction.connection.execute(sa.text(f"SELECT * FROM {table}"))))
                for table in tables
            }

        found: dict[str, list[Any]] = self.read(name, look)
        return found

    def parked(self) -> dict[str, int]:
        """How many records each service parked."""
        return {name: len(letters) for name in NAMES if (letters := self.dead(name))}

    def write(self, name: str, relation: Relation[Any], *rows: Row) -> None:
        """Overwrite rows behind the service's back."""
        with self._databases[name].writing() as transaction:
            transaction.update(relation, rows)

    def recorded(self, order_id: str) -> list[Recorded]:
        return [row for row in self.rows(MONITOR, RECORDED) if row.order_id == order_id]

    def records(self, topic: str, order_id: str | None = None) -> list[Record]:
        found = self.ground.records(topic)
        return [record for record in found if order_id is None or record.key == order_id.encode()]

    def everything(self) -> list[Record]:
        return [record for topic in TOPICS for record in self.records(topic)]

    def status(self, order_id: str) -> str:
        orders = self.facts().orders or ()
        return next((order.status for order in orders if order.order_id == order_id), "unknown")

    def statuses(self) -> dict[str, Status]:
        return {order.order_id: Status(order.status) for order in self.facts().orders or ()}

    def stock(self, sku: str = "tea") -> Stock:
        rows: list[Stock] = self.rows("inventory", STOCK)
        return next(row for row in rows if row.sku == sku)

    def facts(self) -> Facts:
        """What the four databases say."""
        facts = Facts(acknowledged=self.acknowledged)
        for name in SAGA:
            facts |= self.read(name, SERVICE_FACTS[name])
        return facts

    def findings(self) -> list[Finding]:
        """Every invariant over the four databases and the topics."""
        return findings(self.facts() | Facts(records=[record_fact(record) for record in self.everything()]))

    def sound(self) -> None:
        """Assert that nothing is parked and every invariant is observed and holds."""
        assert self.parked() == {}
        assert [finding for finding in self.findings() if finding.violations != 0] == []
