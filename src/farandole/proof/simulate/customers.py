"""Who wants something: customers place orders and ask again under the same key until they are answered; goods arrive."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from farandole.contract import events
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Cause, Heard, digest
from farandole.proof.simulate.database import Broken
from farandole.proof.simulate.fate import Odds
from farandole.services.inventory.domain import ReceiveStock

if TYPE_CHECKING:
    from farandole.proof.simulate.actor import Actor
    from farandole.proof.simulate.world import World

PRICES: Final = {"happy": "10.00", "payment-failure": "10000.01", "stock-failure": "10.00", "limit": "10000.00"}
KINDS: Final = tuple(PRICES)
BASKETS: Final = ((("tea", 1),), (("tea", 1), ("cake", 2)), (("cake", 1), ("tea", 2)), (("tea", 1), ("tea", 1)))


class Asker:
    """Asks one process at a time; when that dies before it answers, another, for the very same thing."""

    service: str

    def __init__(self, world: "World", number: int, times: int = 1) -> None:
        self.world, self.number, self.times = world, number, times
        self.answers: list[Decision] = []
        self._asked: tuple[Actor, str] | None = None

    @property
    def answered(self) -> bool:
        return len(self.answers) >= self.times

    def act(self) -> None:
        """Ask, if nobody is about to answer."""
        if self.answered or (self._asked and self._asked[0].alive and self._asked[0].instance == self._asked[1]):
            return
        actors = [actor for actor in self.world.actors_of(self.service) if actor.alive]
        if not actors:
            return
        actor = actors[self.world.fate.below(f"{type(self).__name__} {self.number} asks", len(actors))]
        if self._asked:
            self.world.seen["somebody asked again because who was asked had died"] += 1
        self._asked = actor, actor.instance
        event, cause = self.wish()
        actor.intake.submit(Heard(event, cause, self.world.clock.wall()), self)

    def wish(self) -> tuple[Any, Cause]:
        raise NotImplementedError

    def hear(self, outcome: Decision | Exception) -> None:
        if isinstance(outcome, Exception):
            raise Broken(f"an honest command was refused: {outcome!r}")
        self.answers.append(outcome)
        self._asked = None


class Customer(Asker):
    """Places one order under one key; every time it asks, the order has another id, as over HTTP."""

    service = "order"

    def __init__(self, world: "World", number: int, kind: str, basket: int) -> None:
        super().__init__(world, number, 1 + world.fate.pick(f"customer {number} asks again", Odds(0.2)))
        lines = BASKETS[basket] if kind == "happy" else BASKETS[0]
        self._lines = [("nothing" if kind == "stock-failure" else sku, quantity) for sku, quantity in lines]
        self._price = PRICES[kind]
        self._tried: list[str] = []

    def wish(self) -> tuple[Any, Cause]:
        self._tried.append(self.world.new_id())
        wish = events.PlaceOrder(
            order_id=self._tried[-1],
            customer=events.Customer(id=f"c-{self.number}", email="ada@example.com", phone="+14155550123"),
            currency="USD",
            lines=tuple(events.Line(sku=sku, quantity=n, unit_price=self._price) for sku, n in self._lines),
            idempotency=f"key-{self.number}",
        )
        return wish, Cause(wish.order_id, digest(msgspec.structs.replace(wish, order_id="", idempotency=None)))

    def hear(self, outcome: Decision | Exception) -> None:
        super().hear(outcome)
        orders = [answer.guard.key for answer in self.answers]
        if len(set(orders)) > 1:
            raise Broken(f"customer {self.number} was given two orders for one key: {orders}")
        order_id = str(orders[-1])
        self.world.acknowledged.append(order_id)
        self.world.tell("client", f"is told that {order_id} is saved")
        if len(self._tried) > 1:
            found = order_id != self._tried[-1]
            self.world.seen["asking again found the order" if found else "asking again made the order"] += 1


class Supplier(Asker):
    """Brings goods once, however often it must say so."""

    service = "inventory"

    def __init__(self, world: "World", number: int, sku: str, quantity: int) -> None:
        super().__init__(world, number)
        self._goods = ReceiveStock(receipt_id=world.new_id(), sku=sku, quantity=quantity)

    def wish(self) -> tuple[Any, Cause]:
        content = digest(msgspec.structs.replace(self._goods, receipt_id=""))
        return self._goods, Cause(self._goods.receipt_id, content)
