"""What no record causes is an outbox row in its transaction, and the relay publishes it until it is acknowledged."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, simulator

INTAKE: Final = "messaging/intake.py"
RELAY: Final = "messaging/relay.py"
CRASHES: Final = "behaviour/test_crashes.py"
LEAVE: Final = f"{CRASHES}::test_outbox_rows_leave_only_when_they_are_published"
ORPHANS: Final = f"{CRASHES}::test_outbox_rows_of_a_dead_instance_are_relayed_when_they_are_ten_seconds_old"
TESTS: Final = "messaging/test_relay.py"
UNSURE: Final = "behaviour/test_unsure_commits.py"
COMMANDS: Final = "behaviour/test_commands.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "no-outbox-row",
        "`order.placed` is published from memory after the commit, and no row remembers it.",
        "rule 1",
        Edit(INTAKE, "            if in_order:\n", "            if in_order and not written:\n"),
        simulator(),
        here(f"{CRASHES}::test_a_crash_between_commit_and_publish_loses_nothing_and_doubles_nothing"),
    ),
    mutant(
        "outbox-in-another-transaction",
        "The outbox row is written in a transaction after the order's.",
        "failure: dual write",
        (
            Edit(
                INTAKE,
                """            if in_order:
                transaction.insert(KERNEL.outbox, in_order)
            gone""",
                "            gone",
            ),
            Edit(
                INTAKE,
                """        relay.swept(gone)
        return verdicts, written
""",
                """        relay.swept(gone)
        with self._database.writing() as transaction:
            if in_order:
                transaction.insert(KERNEL.outbox, in_order)
        return verdicts, written
""",
            ),
        ),
        simulator(150),
        here(UNSURE),
    ),
    mutant(
        "answered-before-commit",
        "Who placed an order is answered before the transaction is committed.",
        "issue: acknowledged is durable",
        Edit(
            INTAKE,
            "            gone = relay.sweep(transaction)\n",
            """            made = [verdict.decision if isinstance(verdict, Verdict) else verdict for verdict in verdicts]
            self._reply([(errand.reply, outcome) for errand, outcome in zip(errands, made, strict=True)])
            gone = relay.sweep(transaction)
""",
        ),
        simulator(150),
        here(UNSURE),
    ),
    mutant(
        "idempotency-key-in-another-transaction",
        "The customer's key is stored in a transaction after the order's.",
        "issue: idempotency key",
        (
            Edit(
                "messaging/database/engine.py",
                "            if relation is None:\n",
                '            if relation is None or relation.name == "used_keys":\n',
            ),
            Edit(
                INTAKE,
                """        relay.swept(gone)
        return verdicts, written
""",
                """        relay.swept(gone)
        keys = [relation for relation in self.service.relations if relation.name == "used_keys"]
        made = [verdict.decision for verdict in verdicts if isinstance(verdict, Verdict) and verdict.new]
        with self._database.writing() as transaction:
            for relation in keys:
                for decision in made:
                    transaction.insert(relation, decision.rows)
        return verdicts, written
""",
            ),
        ),
        simulator(150),
        here(UNSURE),
    ),
    mutant(
        "row-gone-before-acknowledgement",
        "An outbox row is removed when it is handed over, not when its publication is acknowledged.",
        "failure: delivery error swallowed",
        Edit(RELAY, "[batch for batch in self._under_way if batch.receipt.done]", "list(self._under_way)"),
        simulator(),
        here(LEAVE, TESTS),
    ),
    mutant(
        "outbox-by-greater-id",
        "The relay reads on after the greatest id it saw, and never finds a row that came later with a lesser one.",
        "failure: outbox id cursor",
        (
            Edit(
                RELAY,
                """        self._left_behind = 0
        self._look_at = 0
""",
                """        self._left_behind = 0
        self._look_at = 0
        self._last = ""
""",
            ),
            Edit(
                RELAY,
                "fetch(KERNEL.outbox, self._mine_first)",
                "fetch(KERNEL.outbox, self._mine_first.where(sa.cast(KERNEL.outbox.table.c.id, sa.String) > self._last))",
            ),
            Edit(
                RELAY,
                "        self._look_at = now + LOOK_EVERY\n",
                """        self._last = max([self._last, *(row.id for row in found)])
        self._look_at = now + LOOK_EVERY
""",
            ),
        ),
        simulator(),
        here(TESTS),
    ),
    mutant(
        "others-fresh-rows",
        "The relay publishes rows that another process has just written and is publishing itself.",
        "rule 9",
        Edit(RELAY, "(row.instance == me or row.id in orphans)", "(row.instance == me or row.id)"),
        here(ORPHANS, TESTS),
    ),
    mutant(
        "orphans-left",
        "Rows that a dead process left are nobody's.",
        "rule 9",
        Edit(RELAY, "(row.instance == me or row.id in orphans)", "row.instance == me"),
        simulator(),
        here(ORPHANS, TESTS),
    ),
    mutant(
        "rows-under-way-sent-again",
        "Each look publishes again the rows that are under way.",
        "rule 9",
        Edit(RELAY, "row.id not in self._in_flight and (row", "(row"),
        here(TESTS),
    ),
    mutant(
        "relay-window-unbounded",
        "The relay hands over every row there is, however many are under way.",
        "rule 9",
        (
            Edit(RELAY, "        if len(self._in_flight) >= WINDOW:\n", "        if len(self._in_flight) >= 10**9:\n"),
            Edit(RELAY, "        room = WINDOW - len(self._in_flight)\n", "        room = 10**9\n"),
        ),
        here(TESTS),
    ),
    mutant(
        "backlog-untold",
        "Rows that wait for Kafka are not counted, so orders are taken without end while it is away.",
        "failure: broker down for an hour",
        Edit(RELAY, "        return len(self._in_flight) + self._left_behind\n", "        return self._left_behind\n"),
        here(TESTS),
    ),
    mutant(
        "twin-published-again",
        "A customer who repeats an order has its event written to the outbox again.",
        "rule 2",
        Edit(INTAKE, "verdict.message and verdict.new\n", "verdict.message\n"),
        here(
            f"{COMMANDS}::test_twins_in_two_batches_give_one_order",
            f"{COMMANDS}::test_twins_in_one_batch_give_one_order",
        ),
    ),
    mutant(
        "commands-not-bisected",
        "One order that the database refuses fails every order of its commit.",
        "rule 12",
        Edit(
            INTAKE,
            """            if len(errands) == 1:
                self._work = self._work[1:]
                self._reply([(errands[0].reply, Refused(f"the database refuses it: {error}"))])
                return
""",
            """            if errands:
                self._work = self._work[1:]
                self._reply([(errand.reply, Refused(f"the database refuses it: {error}")) for errand in errands])
                return
""",
        ),
        here("behaviour/test_poison.py::test_a_command_the_database_refuses_is_refused_and_its_neighbours_are_kept"),
    ),
    mutant(
        "commands-dropped-by-an-outage",
        "Orders that were accepted are forgotten when the database is away for a moment.",
        "failure: database restarted",
        Edit(
            INTAKE,
            "            self.trouble = str(error)\n",
            """            self.trouble = str(error)
            self._work = ()
""",
        ),
        here("behaviour/test_poison.py::test_an_outage_parks_nothing_and_passes_by_itself"),
    ),
    mutant(
        "retry-does-not-look",
        "An order whose commit was not answered is decided anew, without looking whether it is there.",
        "rule 11",
        Edit(
            "services/order/handlers.py",
            """    if known := rows.get(Order, wish.order_id):
        return Decision(known, placed(known))
""",
            "",
        ),
        here(UNSURE),
    ),
    mutant(
        "orphans-by-clock-alone",
        "Whether a row is left behind is told by its writer's clock, which may be wrong.",
        "rule 9",
        Edit(
            RELAY,
            "row.written_at < old or now - self._strangers.get(row.id, now) >= ORPHANED_AFTER",
            "row.written_at < old",
        ),
        here(TESTS),
    ),
)
