"""A failure of a database is what it is: an outage, a conflict, or a row that does not fit."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, servers

ENGINE: Final = "messaging/database/engine.py"
POSTGRES: Final = "messaging/database/postgres.py"
SQLITE: Final = "messaging/database/sqlite.py"
DATABASES: Final = "messaging/test_databases.py"
PROMISES: Final = "messaging/test_durability.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "unknown-errors-are-unfit",
        "An error that the code does not know, such as a lost connection, counts against the row.",
        "failure: outage taken for poison",
        Edit(
            ENGINE,
            """            raise Conflict(_line(error)) from error
        raise Transient(_line(error)) from error
""",
            """            raise Conflict(_line(error)) from error
        raise Unfit(_line(error)) from error
""",
        ),
        here("http/test_order_api.py::test_an_absent_table_is_an_outage_and_tells_nothing"),
    ),
    mutant(
        "conflicts-are-unfit",
        "A key that another process wrote first counts against the row.",
        "failure: deadlocks between batches",
        Edit(
            ENGINE,
            '        if "unique" in str(error.orig).lower() or',
            '        if "nowhere" in str(error.orig).lower() and',
        ),
        here(f"{DATABASES}::test_a_key_that_exists_is_a_conflict_and_nothing_is_written"),
    ),
    mutant(
        "refused-rows-are-an-outage",
        "A row that the database refuses is tried again for ever.",
        "rule 12",
        Edit(
            ENGINE,
            """        raise Unfit(_line(error)) from error
    except sa.exc.DataError""",
            """        raise Transient(_line(error)) from error
    except sa.exc.DataError""",
        ),
        here(f"{DATABASES}::test_a_row_against_a_check_is_unfit"),
    ),
    mutant(
        "commit-believed",
        "A COMMIT that was answered with a rollback counts as done.",
        "failure: COMMIT whose answer is lost",
        Edit(
            POSTGRES,
            'if answer.result is None or answer.result.command_status != b"COMMIT":',
            "if answer.result is None:",
        ),
        servers(f"{DATABASES}::test_a_failure_that_somebody_swallowed_does_not_commit_on_postgresql"),
    ),
    mutant(
        "failures-swallowed",
        "What a statement on its way failed with is never raised.",
        "failure: COMMIT whose answer is lost",
        Edit(
            POSTGRES,
            "            raise self._error(failures[0].result)\n",
            "            self._error(failures[0].result)\n",
        ),
        servers(f"{DATABASES}::test_a_key_that_exists_is_a_conflict_and_nothing_is_written[postgresql-1]"),
    ),
    mutant(
        "commit-without-waiting",
        "A commit is sent and nobody waits for the answer.",
        "failure: COMMIT whose answer is lost",
        Edit(
            POSTGRES,
            """        answer = self.send("COMMIT")
        self.settle()
        if answer.result is None or""",
            """        answer = self.send("COMMIT")
        if answer.result is not None and""",
        ),
        servers(DATABASES),
    ),
    mutant(
        "locks-held-for-ever",
        "A process that stands still keeps its rows from every other owner without end.",
        "failure: rebalance: zombie",
        Edit(POSTGRES, " -c idle_in_transaction_session_timeout=15000", " -c idle_in_transaction_session_timeout=0"),
        servers(PROMISES),
    ),
    mutant(
        "statements-without-end",
        "A statement or a lock may wait without end.",
        "failure: rebalance: zombie",
        Edit(POSTGRES, "-c statement_timeout=30000 -c lock_timeout=10000", "-c statement_timeout=0 -c lock_timeout=0"),
        servers(PROMISES),
    ),
    mutant(
        "sqlite-not-synchronous",
        "A commit of SQLite is done before it is on disk.",
        "issue: acknowledged is durable",
        Edit(SQLITE, '"synchronous = FULL"', '"synchronous = OFF"'),
        here(PROMISES),
    ),
    mutant(
        "files-open-to-all",
        "Everybody on the machine may read the orders.",
        "security: files 0600",
        Edit(SQLITE, "os.O_EXCL | os.O_RDWR, 0o600", "os.O_EXCL | os.O_RDWR, 0o644"),
        here(PROMISES),
    ),
)
