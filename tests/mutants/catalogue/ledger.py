"""The ledger has what every event moved once, whoever hears of it when."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant, servers

HANDLERS: Final = "monitor/handlers.py"
BOOKING: Final = "monitor/booking.py"
LEDGER: Final = "monitor/ledger.py"
ORDERS: Final = "monitor/test_ledger.py::test_an_order_is_booked_once_whenever_and_however_often_its_records_are_heard"
SUMS: Final = "behaviour/test_ledger.py::test_the_figures_are_the_sums_of_every_flow_before_and_after_folding"
SHARED: Final = "monitor/test_ledger_shared.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "moves-before-its-lines-lost",
        "What moved stock and was heard before `order.placed`, which names the lines, is never booked.",
        "issue: the ledger",
        Edit(
            HANDLERS,
            "now.steps - before.steps if before.placed else now.steps",
            "now.steps - before.steps",
        ),
        here(ORDERS),
    ),
    mutant(
        "receipt-booked-again",
        "Goods that are heard of twice are booked twice.",
        "issue: the ledger",
        Edit(
            HANDLERS,
            """    if known := rows.get(Received, heard.cause.id):
        return Decision(known)
    goods = heard.event
""",
            """    goods = heard.event
    if known := rows.get(Received, heard.cause.id):
        return Decision(known, rows=tuple(booking.entries(rows, heard.cause.id, booking.receipt(goods))))
""",
        ),
        here(SUMS),
    ),
    mutant(
        "last-entry-of-a-batch-only",
        "Of several events of a batch that book on one account only the last is kept.",
        "issue: the ledger",
        Edit(
            BOOKING,
            "made.append(Entry(known.event_id, *place, known.units + units))",
            "made.append(Entry(known.event_id, *place, units))",
        ),
        here(ORDERS),
    ),
    mutant(
        "fold-adds-what-it-saw",
        "A fold adds the entries it saw, whoever folds them meanwhile, and not those it removed.",
        "issue: the ledger",
        Edit(
            LEDGER,
            """    for account, name, units in ask(gone.returning(entries.c.account, entries.c.name, entries.c.units)):
""",
            """    seen = sa.select(entries.c.account, entries.c.name, entries.c.units).where(entries.c.event_id.in_(found))
    rows = ask(seen).all()
    ask(gone)
    for account, name, units in rows:
""",
        ),
        servers(SHARED),
    ),
    mutant(
        "folded-only",
        "Figures leave out what is not folded yet.",
        "issue: the ledger",
        Edit(LEDGER, "for t in (balances, entries)", "for t in (balances,)"),
        here(SUMS),
    ),
    mutant(
        "two-first-steps",
        "Two monitors may each record what they hear of an order as if the other had heard nothing.",
        "issue: the ledger",
        Edit(
            "monitor/storage.py",
            '    sa.UniqueConstraint("order_id", "number", name="one_step_a_number"),\n',
            "",
        ),
        servers(SHARED),
    ),
    mutant(
        "what-moves-drifts",
        "A difference that changes from look to look counts as a drift.",
        "issue: the ledger",
        Edit(
            "monitor/audit.py",
            " or before.difference.shape != difference.shape:",
            ":",
        ),
        here("monitor/test_ledger.py::test_what_moves_is_no_drift"),
    ),
)
