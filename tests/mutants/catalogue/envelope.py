"""What is said twice is said in the same bytes under the same id, and what is not understood is refused."""

from typing import Final

from tests.mutants.mutant import CHECKER, Edit, Mutant, here, mutant, simulator

ENVELOPE: Final = "messaging/envelope.py"
SERVICE: Final = "messaging/service.py"
BATCH: Final = "messaging/batch.py"
AGAIN: Final = "behaviour/test_hearing_again.py"
POISON: Final = "behaviour/test_poison.py"
UNDERSTOOD: Final = f"{POISON}::test_a_record_that_cannot_be_understood_is_parked_and_others_of_its_batch_go_on"
SAME_BYTES: Final = f"{AGAIN}::test_a_record_heard_again_is_answered_again_with_the_same_bytes"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "random-event-ids",
        "An event's id is drawn when it is said, so a copy of it is another event.",
        "rule 6",
        (
            Edit(ENVELOPE, "from uuid_utils import UUID, uuid5\n", "from uuid_utils import UUID, uuid4\n"),
            Edit(
                ENVELOPE,
                "    return str(uuid5(UUID(cause_id), step))\n",
                "    return str(uuid4()) if UUID(cause_id) else step\n",
            ),
        ),
        CHECKER,
        simulator(),
        here(SAME_BYTES),
    ),
    mutant(
        "ids-without-service",
        "An event's id is made of its cause and its topic, so three answers to one failure have one id.",
        "rule 6",
        Edit(
            SERVICE,
            '        name = step.name if step else f"{service.name}/{event.topic}"\n',
            "        name = event.topic\n",
        ),
        CHECKER,
        here("contract/test_choreography.py::test_steps_that_answer_one_event_say_it_under_ids_of_their_own"),
    ),
    mutant(
        "time-of-hearing",
        "An answer tells the time at which it is given, not at which it was decided.",
        "rule 5",
        (
            Edit(
                SERVICE,
                "from typing import TYPE_CHECKING, Any",
                """from time import time_ns
from typing import TYPE_CHECKING, Any""",
            ),
            Edit(
                SERVICE,
                "service.name, decision.guard.decided_at, causation)",
                "service.name, time_ns() // 1000, causation)",
            ),
        ),
        simulator(),
        here(SAME_BYTES),
    ),
    mutant(
        "another-cause-answered",
        "The same order with another cause is answered as if it were the first.",
        "rule 7",
        Edit(
            BATCH,
            "    if not commanded and decision.guard.cause != heard.cause:\n",
            "    if not commanded and not decision.guard.cause:\n",
        ),
        here(f"{AGAIN}::test_the_same_order_with_another_cause_is_parked_and_nothing_is_said"),
    ),
    mutant(
        "other-content-answered",
        "A known event id is believed whatever the event now says.",
        "rule 7",
        Edit(BATCH, "decision.guard.cause != heard.cause:", "decision.guard.cause.id != heard.cause.id:"),
        here(f"{AGAIN}::test_an_event_id_with_other_content_is_parked_by_everybody_who_knew_it"),
    ),
    mutant(
        "other-id-answered",
        "Another event with the same content is believed to be the first.",
        "rule 7",
        Edit(BATCH, "decision.guard.cause != heard.cause:", "decision.guard.cause.digest != heard.cause.digest:"),
        here(f"{AGAIN}::test_the_same_order_with_another_cause_is_parked_and_nothing_is_said"),
    ),
    mutant(
        "digest-of-the-key",
        "The digest of an event leaves out what the event says.",
        "rule 5",
        Edit(ENVELOPE, "blake2b(_encode(event), digest_size=8)", "blake2b(event.key.encode(), digest_size=8)"),
        here(
            f"{AGAIN}::test_an_event_id_with_other_content_is_parked_by_everybody_who_knew_it",
            "behaviour/test_commands.py::test_a_used_key_with_another_order_is_refused",
        ),
    ),
    mutant(
        "key-of-another-order",
        "The key of a record is not compared with the order it is about.",
        "security: key equals order id",
        Edit(ENVELOPE, '    if not key == record.key == headers.get("ce_subject"):\n', "    if not key:\n"),
        here(UNDERSTOOD),
    ),
    mutant(
        "type-not-compared",
        "A record's type is not compared with its topic.",
        "security: known type",
        Edit(
            ENVELOPE,
            '    if headers.get("ce_type") != record.topic.encode():\n',
            '    if not headers.get("ce_type"):\n',
        ),
        here(UNDERSTOOD),
    ),
    mutant(
        "size-unbounded",
        "A record of any size is decoded.",
        "security: sane sizes",
        Edit(ENVELOPE, "    if len(record.value) > LARGEST_VALUE:\n", "    if len(record.value) > 2**40:\n"),
        here(UNDERSTOOD),
    ),
    mutant(
        "zero-character-heard",
        "U+0000 is taken in from a topic, and no PostgreSQL can keep it.",
        "rule 12",
        Edit(ENVELOPE, 'raise Poison("expected text without U+0000")', "return record.value"),
        here(UNDERSTOOD),
    ),
    mutant(
        "unknown-fields-refused",
        "A field that a later version adds makes an event poison.",
        "failure: events change shape",
        Edit(
            ENVELOPE,
            "class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):",
            "class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):",
        ),
        here("contract/test_asyncapi_samples.py::test_fields_of_a_later_version_are_overlooked"),
    ),
    mutant(
        "answers-unchecked",
        "An answer that the choreography does not have is said all the same.",
        "issue: the table",
        Edit(
            SERVICE,
            "        if step is None and hears in service.handlers:\n",
            "        if step is None and hears not in service.handlers and not key:\n",
        ),
        here("contract/test_choreography.py::test_an_answer_outside_the_table_is_refused"),
    ),
    mutant(
        "cyclic-table-accepted",
        "A choreography in which an event leads to itself is started.",
        "rule 8",
        Edit("contract/choreography.py", "    _refuse_cycles(rows)\n", "    _refuse_cycles(())\n"),
        here("contract/test_choreography.py::test_a_cyclic_table_is_refused"),
    ),
)
