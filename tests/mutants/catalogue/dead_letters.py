"""A parked record keeps everything, and its replay is by hand, once, in one transaction."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant

LETTERS: Final = "messaging/dead_letters.py"
POISON: Final = "behaviour/test_poison.py"
ONCE: Final = f"{POISON}::test_a_dead_letter_is_replayed_once_and_its_saga_goes_on"
HANDLED: Final = "behaviour/test_dead_letters.py"
UNSURE: Final = "behaviour/test_unsure_commits.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "dead-letter-replayed-twice",
        "A dead letter that was replayed may be replayed again.",
        "rule 1",
        Edit(LETTERS, "if letter.state != OPEN:", "if letter.state == DISCARDED:"),
        here(ONCE),
    ),
    mutant(
        "replay-says-nothing",
        "What a replay decides is not written to the outbox.",
        "rule 1",
        Edit(
            LETTERS,
            """        if verdict.message:
            answer""",
            """        if verdict.message and not heard:
            answer""",
        ),
        here(ONCE),
    ),
    mutant(
        "replayed-in-another-transaction",
        "A dead letter is marked as replayed in a transaction before the one that decides it.",
        "rule 1",
        (
            Edit(
                LETTERS,
                "        (verdict,) = decide(service, transaction, [heard])\n",
                """        done = msgspec.structs.replace(letter, replayed_at=now, outcome="decided")
        transaction.update(KERNEL.dead_letters, [done])
    with database.writing() as transaction:
        (verdict,) = decide(service, transaction, [heard])
""",
            ),
            Edit(
                LETTERS,
                """        done = msgspec.structs.replace(letter, replayed_at=now, outcome=outcome, state=REPLAYED)
        transaction.update(KERNEL.dead_letters, [done])
        record""",
                "        record",
            ),
        ),
        here(ONCE, UNSURE),
    ),
    mutant(
        "dead-letter-deleted",
        "A dead letter is deleted when it is replayed, so hearing its record again parks it anew.",
        "rule 4",
        Edit(
            LETTERS,
            "        transaction.update(KERNEL.dead_letters, [done])\n        record(transaction, letter, REPLAYED",
            "        transaction.delete(KERNEL.dead_letters, [done.id])\n        record(transaction, letter, REPLAYED",
        ),
        here(ONCE),
    ),
    mutant(
        "parked-under-a-new-id",
        "The id of a dead letter is not its record's place, so a record heard again is parked again.",
        "rule 4",
        Edit(LETTERS, '/{record.partition}/{record.offset}")', '/{record.partition}/{record.offset}/{now}")'),
        here(f"{POISON}::test_a_record_parked_and_heard_again_is_parked_once"),
    ),
    mutant(
        "parked-without-headers",
        "A dead letter does not keep the headers, so its replay cannot be understood.",
        "failure: poison record",
        Edit(LETTERS, "for name, value in record.headers],", "for name, value in record.headers[:0]],"),
        here(POISON),
    ),
    mutant(
        "letters-of-copies-collide",
        "The letter of a copy cannot be replayed while the answer to its original is in the outbox.",
        "rule 1",
        Edit(
            LETTERS, "            if not transaction.select(KERNEL.outbox, [answer.id]):", "            if answer.id:"
        ),
        here(f"{POISON}::test_the_letters_of_a_record_and_of_its_copy_are_replayed_one_after_the_other"),
    ),
    mutant(
        "preview-commits",
        "The preview of a replay commits what it decided.",
        "failure: poison record",
        Edit(
            "messaging/preview.py",
            "raise _Enough(_tried(service, transaction, letter_id, now))",
            "return _tried(service, transaction, letter_id, now)",
        ),
        here(f"{HANDLED}::test_a_preview_says_what_a_replay_would_do_and_changes_nothing"),
    ),
    mutant(
        "failed-replay-forgotten",
        "A replay that failed again is not recorded.",
        "failure: poison record",
        Edit(LETTERS, "FAILED, now, by, said)", "FAILED, now, by, said) if instance == said else None"),
        here(f"{HANDLED}::test_whoever_handles_a_letter_is_recorded_with_the_reason_and_the_outcome"),
    ),
)
