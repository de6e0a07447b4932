"""A transport says what is durable, and who listens chooses every offset."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, servers

KAFKA: Final = "messaging/transport/kafka/__init__.py"
PUBLISHER: Final = "messaging/transport/kafka/publisher.py"
SUBSCRIPTION: Final = "messaging/transport/kafka/subscription.py"
TOPICS: Final = "messaging/transport/kafka/topics.py"
EMBEDDED: Final = "messaging/transport/embedded/__init__.py"
REAL: Final = "transport/test_kafka.py"
CLIENT: Final = "transport/test_kafka_client.py"
LOG: Final = "transport/test_embedded_log.py"
SUITE: Final = "transport/test_transport.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "delivery-error-ignored",
        "A message that Kafka refused counts as delivered.",
        "failure: delivery error swallowed",
        Edit(
            PUBLISHER,
            """            if refusal is not None:
                self._failure = refusal
            elif kept := """,
            "            if kept := ",
        ),
        here(CLIENT, f"{REAL}::test_a_publisher_says_when_it_could_not_finish"),
    ),
    mutant(
        "done-when-sent",
        "A message counts as durable when it is handed to the client.",
        "failure: delivery error swallowed",
        Edit(
            PUBLISHER,
            "        receipt = KafkaReceipt(len(messages))\n",
            "        receipt = KafkaReceipt(0 * len(messages))\n",
        ),
        here(f"{REAL}::test_a_publisher_says_when_it_could_not_finish"),
    ),
    mutant(
        "lost-messages-not-sent-again",
        "A producer that lost messages is replaced, and they are forgotten.",
        "failure: delivery error swallowed",
        Edit(
            PUBLISHER,
            "        for number, (message, _) in list(self._kept.items()):\n",
            "        for number, (message, _) in list(self._kept.items())[:0]:\n",
        ),
        here(CLIENT),
    ),
    mutant(
        "full-queue-forgets",
        "A message for which the client's queue has no room is dropped, and counts as delivered.",
        "failure: BufferError",
        Edit(
            PUBLISHER,
            """            except BufferError:
                if time""",
            """            except BufferError:
                receipt.left -= 1
                if receipt.left >= 0:
                    return
                if time""",
        ),
        here(CLIENT),
    ),
    mutant(
        "one-copy-is-enough",
        "Kafka acknowledges before its copies have the message, and the producer may double it.",
        "failure: delivery error swallowed",
        (
            Edit(
                KAFKA,
                """    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "acks": "all",
""",
                """    "enable.idempotence": False,
    "acks": "1",
""",
            ),
        ),
        here(CLIENT),
    ),
    mutant(
        "options-weaken-guarantees",
        "An operator's option wins over what the guarantees need.",
        "issue: settings",
        Edit(KAFKA, "**tunable, **self._options, **fixed,", "**tunable, **fixed, **self._options,"),
        here(CLIENT),
    ),
    mutant(
        "partitioner-differs",
        "One service places an order's records on another partition than the others do.",
        "issue: partitioner",
        Edit(
            KAFKA,
            '{**_PRODUCER_FIXED, "client.id": name})',
            '{**_PRODUCER_FIXED, "client.id": name, "partitioner": "murmur2_random" if name.startswith("order") else "consistent_random"})',
        ),
        here(CLIENT),
    ),
    mutant(
        "offset-reset-latest",
        "An offset that the log no longer has is passed over in silence.",
        "failure: offset out of range",
        Edit(KAFKA, '"auto.offset.reset": "error"', '"auto.offset.reset": "latest"'),
        here(CLIENT),
        servers(f"{REAL}::test_beginning_beyond_the_end_of_the_log_halts"),
    ),
    mutant(
        "auto-commit",
        "The client commits what it has handed over, whether or not it was decided.",
        "failure: offset committed before the effect",
        Edit(
            KAFKA,
            """    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
""",
            """    "enable.auto.commit": True,
    "enable.auto.offset.store": True,
""",
        ),
        here(CLIENT),
        servers(f"{SUITE}::test_the_next_member_hears_again_what_was_not_committed[kafka]"),
    ),
    mutant(
        "library-chooses-the-offset",
        "A partition begins where the client library would have it.",
        "failure: offset out of range",
        Edit(
            SUBSCRIPTION,
            "        consumer.incremental_assign([])  # or the library would begin by itself\n",
            "        consumer.incremental_assign(places)\n",
        ),
        servers(SUITE),
    ),
    mutant(
        "records-of-lost-partitions",
        "A read that a rebalance interrupts gives records of partitions that are another's now.",
        "failure: rebalance: zombie",
        Edit(
            SUBSCRIPTION,
            "        return [record for record in records if (record.topic, record.partition) in self._begun]\n",
            "        return records\n",
        ),
        here(CLIENT),
    ),
    mutant(
        "weak-topics-accepted",
        "Topics with too few copies, or copies that may be missing, are as wanted.",
        "rule 15",
        (
            Edit(TOPICS, "        if copies < self._replication:\n", "        if copies < 1:\n"),
            Edit(
                TOPICS,
                '        if int(config["min.insync.replicas"]) < self._in_sync:\n',
                '        if int(config["min.insync.replicas"]) < 1:\n',
            ),
        ),
        here(CLIENT),
    ),
    mutant(
        "compacted-topics-accepted",
        "A topic that forgets old records is as wanted.",
        "rule 15",
        Edit(TOPICS, "            if config[name] != value:\n", "            if not config[name]:\n"),
        here(CLIENT),
        servers(f"{REAL}::test_topics_are_created_once_and_compared_with_what_is_wanted"),
    ),
    mutant(
        "log-done-before-disk",
        "The embedded log says that a message is durable when it has it in memory.",
        "issue: acknowledged is durable",
        Edit(
            EMBEDDED,
            "        self._queue.put(_Writing(messages, offsets, receipt))\n",
            """        self._queue.put(_Writing(messages, offsets, receipt))
        receipt.durable.set()
""",
        ),
        here(LOG),
    ),
    mutant(
        "log-drops-on-a-full-disk",
        "What the embedded log could not write at once is dropped.",
        "failure: disk full",
        Edit(
            EMBEDDED,
            """                continue
            with self.lock:
""",
            """                for writing in writings:
                    writing.receipt.durable.set()
                return
            with self.lock:
""",
        ),
        here(LOG),
    ),
    mutant(
        "log-read-in-no-order",
        "The embedded log is read from disk in no order.",
        "issue: order per key",
        Edit(
            EMBEDDED,
            " WHERE topic = ? AND position >= ? ORDER BY position LIMIT ?",
            " WHERE topic = ? AND position >= ? ORDER BY -position LIMIT ?",
        ),
        here(LOG, f"{SUITE}::test_a_large_batch_is_published_whole"),
    ),
    mutant(
        "first-report-counts-for-all",
        "Messages that were sent together are durable when the first of them is.",
        "failure: delivery error swallowed",
        Edit(PUBLISHER, "            kept[1].left -= 1\n", "            kept[1].left = 0\n"),
        here(CLIENT),
    ),
)
