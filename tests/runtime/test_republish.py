"""Everything that was said is said again from the rows, page after page, the same bytes each time."""

from operator import attrgetter
from pathlib import Path

import pytest

from farandole.messaging.database import open_database
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Refused
from farandole.messaging.transport import Partition
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.runtime import republish
from farandole.runtime.migrations import migrate
from farandole.runtime.settings import Settings, load
from farandole.services.order.domain import Order
from farandole.services.order.storage import ORDERS
from tests.behaviour.records import copy_of
from tests.contract.dances import ALL, NOON, Kept, said, some_id, wish

COUNT = 10
TOPIC = "order.placed"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, set[Message]]:
    """A folder with orders, and what was said of them; pages are small."""
    monkeypatch.setattr(republish, "PAGE", 3)
    orders = Kept(ALL["order"])
    wishes = [wish(number)._replace(at=NOON + number) for number in range(COUNT)]
    words = {word for word in said(orders.batch(wishes)) if isinstance(word, Message)}
    url = f"sqlite:///{tmp_path}/order.db"
    migrate("order", url)
    database = open_database(url)
    with database.writing() as transaction:
        transaction.insert(ORDERS, sorted(orders.all(Order), key=attrgetter("order_id")))
    database.close()
    return load({}, {"data": tmp_path}), words


def heard(folder: Path) -> list[Message]:
    log = EmbeddedTransport(folder / "log.db")
    reader = log.subscribe("reader", [TOPIC], lambda taken: None)
    reader.begin({Partition(TOPIC, 0): 0})
    found = [copy_of(record) for record in reader.poll(1000, 0)]
    reader.close()
    log.close()
    return found


def test_everything_is_said_again_in_the_same_bytes(kept: tuple[Settings, set[Message]]) -> None:
    settings, words = kept
    assert republish.republish("order", settings, None, None) == COUNT
    assert sorted(heard(settings.data)) == sorted(words)
    assert republish.republish("order", settings, None, None) == COUNT
    assert sorted(heard(settings.data)) == sorted([*words, *words])


def test_one_order_or_what_is_newer_is_said_again(kept: tuple[Settings, set[Message]]) -> None:
    settings, words = kept
    assert republish.republish("order", settings, some_id(4), None) == 1
    assert {message.key for message in heard(settings.data)} == {some_id(4)}
    assert republish.republish("order", settings, None, NOON + COUNT - 4) == 4
    assert set(heard(settings.data)) <= words


def test_an_order_that_nobody_knows_is_a_no(kept: tuple[Settings, set[Message]]) -> None:
    settings, _ = kept
    with pytest.raises(Refused, match="expected an order that order knows"):
        republish.republish("order", settings, some_id("nobody"), None)
