"""What a batch reads and writes: locked, in one order, once."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, servers, simulator

LOCKS: Final = "messaging/test_locks.py"
ORDER: Final = "behaviour/test_key_order.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "stock-not-locked",
        "Stock is read without a lock, so two processes sell the last one.",
        "rule 2",
        Edit(
            "services/inventory/storage.py", "transaction.ask(STOCK, skus, lock=True)", "transaction.ask(STOCK, skus)"
        ),
        servers(LOCKS),
    ),
    mutant(
        "stock-checked-outside-the-lock",
        "Stock is looked at first and locked afterwards; what is decided on is what was seen before.",
        "failure: oversell",
        Edit(
            "services/inventory/storage.py",
            "    stock = transaction.ask(STOCK, skus, lock=True)\n",
            """    stock = transaction.ask(STOCK, skus)
    transaction.ask(STOCK, skus, lock=True)
""",
        ),
        servers(LOCKS),
    ),
    mutant(
        "for-update-dropped",
        "Nothing is ever locked: not stock, and not a dead letter while it is replayed.",
        "rule 2",
        Edit("messaging/database/postgres_text.py", "{' FOR UPDATE' if lock else ''}", "{' ' if lock else ''}"),
        servers(LOCKS),
    ),
    mutant(
        "locked-in-no-order",
        "Rows are locked in whatever order they are found.",
        "rule 12",
        (
            Edit("messaging/database/postgres_text.py", "\" ORDER BY {', '.join(relation.keys)}{", '"{'),
            Edit("messaging/database/sqlite.py", " ORDER BY {', '.join(relation.keys)}\"", '"'),
        ),
        here("messaging/test_databases.py::test_rows_are_found_in_key_order_each_once"),
        servers("messaging/test_databases.py::test_rows_are_found_in_key_order_each_once[postgresql]"),
    ),
    mutant(
        "written-in-no-order",
        "Rows are written in the order in which they were decided.",
        "rule 12",
        Edit("messaging/decision.py", "keys = sorted(rows)", "keys = list(rows)"),
        here(ORDER),
    ),
    mutant(
        "outbox-in-no-order",
        "Outbox rows are written in the order in which orders came.",
        "rule 12",
        Edit("messaging/intake.py", "sorted(written, key=_id)", "list(written)"),
        here(ORDER),
    ),
    mutant(
        "parked-in-no-order",
        "Dead letters are written in the order in which records came.",
        "rule 12",
        Edit(
            "messaging/dead_letters.py",
            "new = sorted((letter for letter in letters if letter.id not in known), key=lambda letter: letter.id)",
            "new = [letter for letter in letters if letter.id not in known]",
        ),
        here(ORDER),
    ),
    mutant(
        "offsets-in-no-order",
        "Offsets are written in the order in which partitions were heard.",
        "rule 12",
        Edit("messaging/offsets.py", "for place, end in sorted(decided.items())", "for place, end in decided.items()"),
        here(ORDER),
    ),
    mutant(
        "unchanged-rows-written",
        "Rows that a handler only found are written again.",
        "rule 2",
        Edit(
            "messaging/decision.py",
            """        if self.get(kind, key) is row:
            return False
""",
            "",
        ),
        simulator(),
        here("behaviour/test_hearing_again.py::test_a_decision_found_in_the_rows_says_what_the_first_one_said"),
    ),
    mutant(
        "stock-may-be-negative",
        "The last line is gone: a table takes stock below zero.",
        "failure: oversell",
        (
            Edit("services/inventory/storage.py", ', sa.CheckConstraint("available >= 0")', ""),
            Edit("migrations/inventory/r0001_tables.py", ', sa.CheckConstraint("available >= 0")', ""),
        ),
        here("runtime/test_migrations.py::test_stock_below_zero_is_refused_by_the_migrated_table_itself"),
    ),
    mutant(
        "one-message-a-channel-unchecked",
        "The last line is gone: a table takes two messages for one channel.",
        "invariant A4",
        Edit(
            "migrations/notification/r0001_tables.py",
            '        sa.UniqueConstraint("order_id", "kind", "channel", name="one_message_a_channel"),\n',
            "",
        ),
        here("runtime/test_migrations.py"),
    ),
    mutant(
        "read-one-by-one",
        "A batch reads what it must know with a statement a record.",
        "failure: hot SKU",
        Edit(
            "services/payment/storage.py",
            "    rows.load(transaction.select(PAYMENTS, (heard.event.order_id for heard in batch)))\n",
            """    for heard in batch:
        rows.load(transaction.select(PAYMENTS, [heard.event.order_id]))
""",
        ),
        here("performance/test_statements.py"),
    ),
)
