"""What became of hostile records and of honest orders: dead letters by place, and invariants among the honest."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from farandole.contract.facts import Facts
from farandole.contract.invariants import INVARIANTS, findings
from farandole.messaging.database import Database, Transaction
from farandole.messaging.kernel_tables import KERNEL
from farandole.messaging.transport import Partition
from farandole.proof.hostile.record import HEARERS, Hostile
from farandole.proof.hostile.writers import Place

SHOWN: Final = 20
OF_EVERYBODY: Final = ("A1", "A2", "A4r", "A4p", "A4n", "A5", "Q1a")
"""Invariants that no stranger can break: they hold over all rows, forged orders included."""
_PARTICULAR: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9a-f]{8}-[0-9a-f-]{27}|\d+|\[.*\]")


class Fates(NamedTuple):
    """Parked by service and reason, accepted by rule, and what contradicts what was expected."""

    parked: dict[str, Counter[str]]
    accepted: Counter[str]
    wrong: list[str]


def letters(transaction: Transaction) -> dict[Place, str]:
    """The error of each dead letter by the place its record came from."""
    table = KERNEL.dead_letters.table
    statement = sa.select(table.c.topic, table.c.partition, table.c.position, table.c.error)
    return {(row[0], row[1], row[2]): row[3] for row in transaction.connection.execute(statement)}


def heard_all(databases: Mapping[str, Database], ends: Mapping[Partition, int]) -> bool:
    """Whether every service has decided what it hears up to these ends."""
    for name, database in databases.items():
        with database.reading() as transaction:
            decided = {Partition(*row.key): row.decided for row in transaction.all(KERNEL.offsets)}
        if any(decided.get(at, 0) < end for at, end in ends.items() if name in HEARERS[at.topic]):
            return False
    return True


def fates(places: Mapping[Place, Hostile], parked: Mapping[str, Mapping[Place, str]]) -> Fates:
    """Each record against each of its hearers."""
    by_reason: dict[str, Counter[str]] = {name: Counter() for name in parked}
    accepted: Counter[str] = Counter()
    wrong = []
    for place, record in places.items():
        for hearer in sorted(HEARERS[record.topic]):
            error = parked[hearer].get(place)
            if error is None:
                accepted[record.rule or "?"] += 1
            else:
                by_reason[hearer][reason(error)] += 1
            if record.parks is not None and (error is not None) != (hearer in record.parks):
                found = f"parked: {error}" if error is not None else f"accepted: {record.value!r:.300} {record.headers}"
                wrong.append(f"{record.kind} at {'/'.join(map(str, place))}, {hearer}: unexpectedly {found}")
    return Fates(by_reason, accepted, wrong)


def reason(error: str) -> str:
    """An error without what is particular to one record."""
    words = _PARTICULAR.sub("…", error)
    head, _, rest = words.partition(": ")
    return (rest if head.startswith("order …") else head)[:80]


def among(facts: Facts, orders: Collection[str]) -> Facts:
    """The facts of some orders; stock, receipts and what was acknowledged stay whole."""

    def mine(rows: Any) -> Any:
        return None if rows is None else [row for row in rows if row.order_id in orders]

    names = ("orders", "reservations", "payments", "notices", "messages", "records")
    return replace(facts, **{name: mine(getattr(facts, name)) for name in names})


def violations(facts: Facts, honest: Collection[str]) -> list[str]:
    """What is violated among honest orders, and what nobody could break over all rows."""
    own = [found for found in findings(among(facts, honest)) if found.id not in OF_EVERYBODY]
    whole = [found for found in findings(facts) if found.id in OF_EVERYBODY]
    return [f"{found.id} {found.title}: {found.examples}" for found in (*own, *whole) if found.violations != 0]


def flagged(facts: Facts) -> dict[str, set[str]]:
    """Which orders each invariant over more than one database complains about."""
    found: dict[str, set[str]] = {}
    for invariant in INVARIANTS:
        if invariant.id[0] == "Q" and all(getattr(facts, name) is not None for name in invariant.needs):
            found[invariant.id] = {sentence.partition(":")[0] for sentence in invariant.broken(facts)}
    return found
