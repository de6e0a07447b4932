"""What a service hears is its outbox: decide, commit, publish, and only then the offsets."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, simulator

CONSUMER: Final = "messaging/consumer.py"
CRASHES: Final = "behaviour/test_crashes.py"
MEMBER: Final = "messaging/test_consumer.py"
UNSURE: Final = "behaviour/test_unsure_commits.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "offset-before-effect",
        "The offset of a record is committed when it is heard, before the transaction that decides it.",
        "failure: offset committed before the effect",
        Edit(
            CONSUMER,
            """        if records:
            self._work.append(records)
""",
            """        if records:
            subscription.commit(ends(records))
            self._work.append(records)
""",
        ),
        simulator(),
        here(MEMBER),
    ),
    mutant(
        "offset-before-acknowledgement",
        "The offset of a batch is committed while its answers are not yet acknowledged.",
        "failure: dual write",
        Edit(
            CONSUMER,
            "while self._under_way and self._under_way[0].receipt.done:",
            "while self._under_way:",
        ),
        simulator(),
        here(MEMBER, f"{CRASHES}::test_a_crash_between_commit_and_publish_loses_nothing_and_doubles_nothing"),
    ),
    mutant(
        "later-offset-before-earlier-acknowledgement",
        "A later batch that is acknowledged has its offsets committed while an earlier batch's answers are not.",
        "rule 15",
        Edit(
            CONSUMER,
            """        while self._under_way and self._under_way[0].receipt.done:
            reached = self._under_way.popleft().ends
""",
            """        for batch in [each for each in self._under_way if each.receipt.done]:
            self._under_way.remove(batch)
            reached = batch.ends
""",
        ),
        simulator(150),
        here(MEMBER, CRASHES),
    ),
    mutant(
        "publish-before-commit",
        "Answers are published inside the transaction that decides them, which may still fail.",
        "failure: dual write",
        (
            Edit(
                CONSUMER,
                "            self._offsets.write(transaction, ends(records))\n",
                """            self._offsets.write(transaction, ends(records))
            messages = list(dict.fromkeys(message for _, _, message in decided if message))
            if self._publisher is not None:
                self._receipt = self._publisher.publish(messages)
""",
            ),
            Edit(
                CONSUMER,
                """        messages = list(dict.fromkeys(message for _, _, message in decided if message))
        receipt = publisher.publish(messages)""",
                "        receipt = self._receipt",
            ),
        ),
        simulator(),
        here(UNSURE),
    ),
    mutant(
        "duplicate-answered-with-silence",
        "Only a decision made now is published; a record heard again is answered with nothing.",
        "failure: crash between commit and publish",
        Edit(
            CONSUMER,
            "decided.append((event, verdict.decision, verdict.message))",
            "decided.append((event, verdict.decision, verdict.message if verdict.new else None))",
        ),
        simulator(),
        here("behaviour/test_hearing_again.py::test_a_record_heard_again_is_answered_again_with_the_same_bytes"),
    ),
    mutant(
        "revoked-partitions-kept",
        "Work, answers and offsets of partitions that were taken away are not forgotten.",
        "rule 15",
        Edit(
            CONSUMER,
            """        self._last_words(LAST_WORDS)
        self._offsets.drop(partitions)
""",
            """        self._last_words(LAST_WORDS)
        if partitions:
            return
        self._offsets.drop(partitions)
""",
        ),
        here(MEMBER),
    ),
    mutant(
        "leaves-without-last-words",
        "Who loses partitions or leaves does not wait for acknowledgements nor commit what they cover.",
        "failure: SIGTERM",
        Edit(
            CONSUMER,
            """        if self._publisher is None:
            return
        deadline""",
            """        if self._publisher is None or seconds:
            return
        deadline""",
        ),
        here(MEMBER, f"{CRASHES}::test_a_closed_instance_says_its_last_words_and_the_next_one_hears_nothing_twice"),
    ),
    mutant(
        "window-unbounded",
        "A service goes on deciding however many answers are not acknowledged.",
        "failure: BufferError",
        Edit(CONSUMER, "if len(self._under_way) >= WINDOW:", "if len(self._under_way) >= 10**9:"),
        here(MEMBER),
    ),
    mutant(
        "no-polling-while-away",
        "Who waits for a database does not poll, and is taken for dead by its group.",
        "failure: slow batch or database down",
        Edit(CONSUMER, "            self._keep_membership(min(patience, left))\n", "            del left\n"),
        here(MEMBER),
    ),
    mutant(
        "not-paused-while-away",
        "Who waits for a database goes on hearing without end.",
        "failure: slow batch or database down",
        Edit(CONSUMER, "            self._subscription.pause()\n", ""),
        here(MEMBER),
    ),
    mutant(
        "never-resumed",
        "After an outage the partitions stay paused.",
        "failure: database restarted",
        Edit(CONSUMER, "            self._subscription.resume()\n", "            log.info('resumed')\n"),
        here(MEMBER),
    ),
)
