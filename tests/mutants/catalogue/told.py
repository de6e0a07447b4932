"""A customer is told once, and the monitor sees each step once."""

from typing import Final

from tests.mutants.mutant import CHECKER, Edit, Mutant, here, mutant, simulator

NOTIFICATION: Final = "services/notification/handlers.py"
MONITOR: Final = "monitor/handlers.py"
AGAIN: Final = "behaviour/test_hearing_again.py"
FLOWS: Final = "behaviour/test_flows.py"
EDGES: Final = "services/test_decisions.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "nobody-to-tell",
        "An order whose customer left no address gets no notice, and its record is parked.",
        "rule 5",
        (
            Edit(
                NOTIFICATION,
                "from farandole.messaging.envelope import Event, Heard\n",
                """from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison
""",
            ),
            Edit(
                NOTIFICATION,
                "    made = messages(notice, customer, text)\n",
                """    made = messages(notice, customer, text)
    if not made:
        raise Poison('nobody to tell')
""",
            ),
        ),
        here(EDGES),
    ),
    mutant(
        "notification-without-key",
        "Nothing keeps a customer from being told twice: no guard, no unique key, ids drawn by chance.",
        "invariant A4",
        (
            Edit(
                NOTIFICATION,
                """    if known := rows.get(Notice, (heard.event.order_id, kind)):
        return Decision(known)
""",
                "",
            ),
            Edit(
                "services/notification/domain.py",
                'message_id=event_id(notice.cause_id, f"{notice.kind}/{channel}")',
                "message_id=str(uuid4())",
            ),
            Edit(
                "services/notification/domain.py",
                "from enum import StrEnum\n",
                """from enum import StrEnum
from uuid import uuid4
""",
            ),
            Edit("services/notification/domain.py", "from farandole.messaging.envelope import event_id\n", ""),
            Edit(
                "services/notification/storage.py",
                '    sa.UniqueConstraint("order_id", "kind", "channel", name="one_message_a_channel"),\n',
                "",
            ),
        ),
        CHECKER,
        simulator(),
        here(f"{AGAIN}::test_everything_heard_again_changes_nothing"),
    ),
    mutant(
        "one-channel-only",
        "Who gave a phone number and an e-mail address is told through one of them.",
        "invariant Q4",
        Edit(
            "services/notification/domain.py",
            "        for channel, address in addresses\n",
            "        for channel, address in addresses[:1]\n",
        ),
        here(FLOWS),
    ),
    mutant(
        "monitor-counts-copies",
        "The monitor records a copy of a record as another step.",
        "rule 14",
        (
            Edit(
                MONITOR,
                """    if known := rows.get(Recorded, heard.cause.id):
        return Decision(msgspec.structs.replace(known, repeats=(known.repeats or 0) + 1))
""",
                "",
            ),
            Edit(MONITOR, "    if taken in timeline.steps:\n", "    if not taken:\n"),
        ),
        here(f"{AGAIN}::test_everything_heard_again_changes_nothing"),
    ),
    mutant(
        "monitor-overlooks-copies",
        "The monitor does not count what is said again.",
        "rule 14",
        Edit(MONITOR, "repeats=(known.repeats or 0) + 1", "repeats=known.repeats"),
        here(f"{AGAIN}::test_the_monitor_counts_what_is_said_again"),
    ),
    mutant(
        "monitor-expects-order",
        "The monitor parks a record whose cause it has not recorded yet.",
        "rule 14",
        Edit(
            MONITOR,
            "    topic = None if step.hears is COMMAND else step.hears.topic\n",
            """    if heard.causation and rows.get(Recorded, heard.causation) is None:
        raise Poison(f"expected the cause {heard.causation} first")
    topic = None if step.hears is COMMAND else step.hears.topic
""",
        ),
        here("services/test_monitor.py"),
    ),
)
