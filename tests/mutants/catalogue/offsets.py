"""The database remembers the offsets too, and nobody goes on from a wrong place."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, simulator

OFFSETS: Final = "messaging/offsets.py"
STARTS: Final = "messaging/test_offsets.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "database-offsets-unused",
        "Only the group's offset is used, so offsets that Kafka lost replay history through four services.",
        "rule 3",
        Edit(OFFSETS, "    at = max(committed, known.acked)\n", "    at = committed\n"),
        here(STARTS, "behaviour/test_crashes.py::test_offsets_lost_by_the_group_are_remembered_by_the_database"),
    ),
    mutant(
        "starts-at-decided",
        "A start goes on after what is decided, though the answers to it may never have been published.",
        "rule 3",
        Edit(OFFSETS, "    at = max(committed, known.acked)\n", "    at = max(committed, known.decided)\n"),
        simulator(),
        here(STARTS, "behaviour/test_crashes.py"),
    ),
    mutant(
        "acked-ahead",
        "The database remembers as acknowledged what was only decided.",
        "rule 3",
        Edit(
            OFFSETS,
            "OffsetRow(*place, self._ids[place], max(end, self._decided[place]), self._acked[place])",
            "OffsetRow(*place, self._ids[place], max(end, self._decided[place]), end)",
        ),
        simulator(),
        here("behaviour/test_crashes.py"),
    ),
    mutant(
        "decided-in-another-transaction",
        "What a batch decides up to is not written in the batch's transaction.",
        "rule 3",
        Edit(
            "messaging/consumer.py",
            """            self._offsets.write(transaction, ends(records))
        if parked:""",
            "        if parked:",
        ),
        simulator(),
        here("behaviour/test_crashes.py"),
    ),
    mutant(
        "topic-id-ignored",
        "A topic that was deleted and made again is read on as if it were the old one.",
        "rule 3",
        Edit(OFFSETS, "if known.topic_id != opening.topic_id:", "if not opening.topic_id:"),
        here(STARTS, "behaviour/test_offsets.py::test_a_topic_that_was_created_anew_halts_its_hearers"),
    ),
    mutant(
        "beyond-decided-ignored",
        "A group's offset beyond what this database decided is believed, and what lies between is lost.",
        "rule 3",
        Edit(OFFSETS, "if committed > known.decided:", "if committed < 0:"),
        here(STARTS, "behaviour/test_offsets.py::test_a_group_beyond_what_its_database_decided_halts"),
    ),
    mutant(
        "shortened-log-ignored",
        "Records that were deleted unread are passed over without a word.",
        "failure: offset out of range",
        Edit(
            OFFSETS,
            "    if at < opening.begins:\n",
            """    at = max(at, opening.begins)
    if at < opening.begins:
""",
        ),
        here(STARTS),
    ),
    mutant(
        "unknown-partition-believed",
        "A group's offset in a partition that this database never heard is believed.",
        "rule 3",
        Edit(
            OFFSETS,
            "    if opening.committed:\n",
            """    if opening.committed and opening.begins == 0:
        return opening.committed
    if opening.committed:
""",
        ),
        here(STARTS, "behaviour/test_offsets.py::test_a_group_that_its_database_never_heard_of_halts"),
    ),
    mutant(
        "newcomer-misses-records",
        "A newcomer to a shortened log begins where it begins without being told to.",
        "rule 8",
        Edit(OFFSETS, "    if begin == BEGINNING:\n", "    if not begin:\n"),
        here(STARTS),
    ),
    mutant(
        "offsets-go-back",
        "An older process writes back how far the database is.",
        "rule 3",
        (
            Edit("messaging/database/sqlite.py", "max({column}, excluded.{column})", "excluded.{column}"),
            Edit("messaging/database/postgres_text.py", "greatest(t.{column}, excluded.{column})", "excluded.{column}"),
        ),
        here("messaging/test_databases.py::test_what_advances_never_goes_back"),
    ),
)
