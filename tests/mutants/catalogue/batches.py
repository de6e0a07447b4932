"""A batch is its events one after another, and one that cannot be decided does not keep the others."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, simulator

CONSUMER: Final = "messaging/consumer.py"
BATCH: Final = "messaging/batch.py"
POISON: Final = "behaviour/test_poison.py"
MEMBER: Final = "messaging/test_consumer.py"
UNSURE: Final = "behaviour/test_unsure_commits.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "last-folded-on-the-state-before",
        "The last event of a batch is decided on the rows as they were before the batch.",
        "issue: the fold",
        Edit(
            BATCH,
            "    verdicts = [judge(service, rows, heard) for heard in batch]\n",
            """    verdicts = [judge(service, rows, heard) for heard in batch[:-1]]
    before = service.load(transaction, batch)
    verdicts.append(judge(service, before, batch[-1]))
    for _, new, changed in before.changes():
        for row in (*new, *changed):
            rows.put(row)
""",
        ),
        simulator(),
        here("behaviour/test_stock.py::test_many_orders_in_one_batch_never_oversell"),
    ),
    mutant(
        "decisions-of-the-batch-unseen",
        "A later event of a batch sees rows as the database had them, not as an earlier event left them.",
        "issue: the fold",
        Edit(
            "messaging/decision.py",
            "return self._changed.get(kind, _NONE).get(key) or self._stored.get(kind, _NONE).get(key)",
            "return self._stored.get(kind, _NONE).get(key) or self._changed.get(kind, _NONE).get(key)",
        ),
        simulator(),
        here("messaging/test_properties.py", "behaviour/test_stock.py"),
    ),
    mutant(
        "poison-parks-the-batch",
        "A record that cannot be understood takes every record of its batch with it.",
        "failure: poison record",
        Edit(
            CONSUMER,
            """                letters.append(self._letter(record, error, now))
        decided = []""",
            """                letters = [self._letter(each, error, now) for each in records]
                heard = []
                break
        decided = []""",
        ),
        here(f"{POISON}::test_a_record_that_cannot_be_understood_is_parked_and_others_of_its_batch_go_on"),
    ),
    mutant(
        "poison-dropped",
        "A record that cannot be understood is passed over and kept nowhere.",
        "failure: poison record",
        Edit(
            CONSUMER,
            """                letters.append(self._letter(record, error, now))
        decided = []""",
            """                log.warning('dropped', error=str(error))
        decided = []""",
        ),
        simulator(),
        here(f"{POISON}::test_a_record_that_cannot_be_understood_is_parked_and_others_of_its_batch_go_on"),
    ),
    mutant(
        "outage-parked",
        "A database that is away counts as one that refuses the row, so honest records are parked.",
        "failure: outage taken for poison",
        Edit(
            CONSUMER,
            """        except Unfit as error:
            if len(records) > 1:""",
            """        except (Unfit, Transient) as error:
            if len(records) > 1:""",
        ),
        here(f"{UNSURE}::test_an_outage_of_any_length_parks_nothing"),
    ),
    mutant(
        "conflict-parked",
        "A conflict with another process counts as a row that does not fit, so honest records are parked.",
        "failure: deadlocks between batches",
        Edit(
            CONSUMER,
            """        except Unfit as error:
            if len(records) > 1:""",
            """        except (Unfit, Conflict) as error:
            if len(records) > 1:""",
        ),
        here(UNSURE),
    ),
    mutant(
        "first-failure-parks",
        "A handler that failed once is not asked again: a failure that would pass is parked.",
        "failure: outage taken for poison",
        Edit(
            BATCH,
            "    if isinstance(second, Exception) and repr(second) == repr(first):",
            "    if second is not None and repr(first):",
        ),
        here(f"{POISON}::test_a_failure_that_changes_is_an_outage_and_not_poison"),
    ),
    mutant(
        "outage-drops-the-batch",
        "What was heard before an outage is forgotten when it ends, and the next offset passes over it.",
        "failure: database restarted",
        Edit(
            CONSUMER,
            "        self.trouble = str(error)\n",
            """        self.trouble = str(error)
        self._work.clear()
""",
        ),
        simulator(150),
        here(f"{POISON}::test_an_outage_parks_nothing_and_passes_by_itself"),
    ),
    mutant(
        "batch-not-bisected",
        "A row that the database refuses parks its whole batch.",
        "rule 12",
        Edit(
            CONSUMER,
            """            if len(records) > 1:
                self._split(records)
                return
""",
            "",
        ),
        here(f"{POISON}::test_a_row_the_database_refuses_is_bisected_out"),
    ),
    mutant(
        "half-a-batch-forgotten",
        "A batch that is split goes on with one half only.",
        "rule 12",
        Edit(CONSUMER, "extendleft((records[half:], records[:half]))", "extendleft((records[:half],))"),
        simulator(),
        here(f"{POISON}::test_a_row_the_database_refuses_is_bisected_out"),
    ),
    mutant(
        "answer-said-twice-in-a-batch",
        "A batch that heard a record several times answers it several times.",
        "rule 15",
        Edit(
            CONSUMER,
            "list(dict.fromkeys(message for _, _, message in decided if message))",
            "[message for _, _, message in decided if message]",
        ),
        here(MEMBER),
    ),
)
