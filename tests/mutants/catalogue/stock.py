"""All or nothing, never more than there is, and given back once."""

from typing import Final

from tests.mutants.mutant import CHECKER, Edit, Mutant, here, mutant, simulator

INVENTORY: Final = "services/inventory/handlers.py"
PROPERTIES: Final = "messaging/test_properties.py"
AGAIN: Final = "behaviour/test_hearing_again.py"
POISON: Final = "behaviour/test_poison.py"
FLOWS: Final = "behaviour/test_flows.py"
EDGES: Final = "services/test_decisions.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "released-answers-failed",
        "A reservation that was released answers a repeated `order.placed` with `order.failed`.",
        "rule 5",
        (
            Edit(
                "services/inventory/storage.py", "transaction.ask(RELEASES, failed)", "transaction.ask(RELEASES, ids)"
            ),
            Edit(
                INVENTORY,
                """    if known := rows.get(Reservation, order.order_id):
        return Decision(known, answer(known))
""",
                """    if known := rows.get(Reservation, order.order_id):
        if rows.get(Release, order.order_id):
            reason = events.Reason(code="insufficient_stock", detail="released")
            return Decision(known, events.OrderFailed(order_id=order.order_id, customer=order.customer, reason=reason, short=()))
        return Decision(known, answer(known))
""",
            ),
        ),
        CHECKER,
        simulator(),
        here(f"{AGAIN}::test_a_record_heard_again_after_its_stock_was_released_reserves_nothing"),
    ),
    mutant(
        "reserved-without-guard",
        "A repeated `order.placed` is decided again, on the stock of now.",
        "rule 4",
        Edit(
            INVENTORY,
            """    if known := rows.get(Reservation, order.order_id):
        return Decision(known, answer(known))
""",
            "",
        ),
        CHECKER,
        simulator(),
        here(AGAIN),
    ),
    mutant(
        "released-without-guard",
        "A repeated `payment.failed` gives the stock back again.",
        "rule 2",
        Edit(
            INVENTORY,
            """    if known := rows.get(Release, order_id):
        return Decision(known)
""",
            "",
        ),
        CHECKER,
        simulator(),
        here(f"{AGAIN}::test_a_failure_heard_again_gives_stock_back_once"),
    ),
    mutant(
        "compensation-before-its-forward-row",
        "A release of what was never reserved is taken for done.",
        "rule 13",
        Edit(
            INVENTORY,
            "    if reservation is None or reservation.outcome != Held.RESERVED:\n",
            """    if reservation is None or reservation.outcome != Held.RESERVED:
        return Decision(Release(order_id, *heard.cause, heard.at))
    if not reservation.lines:
""",
        ),
        here(f"{POISON}::test_a_release_without_a_reservation_is_parked"),
    ),
    mutant(
        "nothing-given-back",
        "A failed payment is noted by the inventory, and the stock stays reserved.",
        "issue: compensation",
        Edit(INVENTORY, "heard.at), rows=tuple(back))", "heard.at), rows=tuple(back[:0]))"),
        CHECKER,
        simulator(),
        here(FLOWS),
    ),
    mutant(
        "stock-not-counted",
        "An order is taken whenever there was ever enough, whatever is promised already.",
        "failure: oversell",
        Edit(
            INVENTORY,
            "on_hand[line.sku].available < line.quantity",
            "on_hand[line.sku].available + on_hand[line.sku].reserved < line.quantity",
        ),
        CHECKER,
        simulator(),
        here("behaviour/test_stock.py"),
    ),
    mutant(
        "last-one-refused",
        "An order for exactly what is there is refused.",
        "issue: scarce stock",
        Edit(INVENTORY, "on_hand[line.sku].available < line.quantity", "on_hand[line.sku].available <= line.quantity"),
        here("behaviour/test_stock.py"),
    ),
    mutant(
        "partly-reserved",
        "An order for which there is not enough keeps what there was.",
        "issue: all or nothing",
        Edit(
            INVENTORY,
            """    if short:
        return Decision(reservation, answer(reservation))
    taken""",
            """    if short:
        part = tuple(_move(on_hand[line.sku], line.quantity) for line in lines if line.sku not in short)
        return Decision(reservation, answer(reservation), part)
    taken""",
        ),
        simulator(),
        here(PROPERTIES, "behaviour/test_stock.py"),
    ),
    mutant(
        "one-line-a-sku",
        "Of several lines that name one SKU the last one counts.",
        "issue: several lines",
        Edit("services/inventory/domain.py", "sums[line.sku] += line.quantity", "sums[line.sku] = line.quantity"),
        here(EDGES, PROPERTIES),
    ),
    mutant(
        "receipt-counted-twice",
        "Goods received under one key are counted each time.",
        "issue: idempotency key",
        Edit(
            INVENTORY,
            "        return Decision(known, received(known))\n",
            """        counted = rows.get(Stock, goods.sku) or Stock(goods.sku, 0, 0)
        return Decision(known, received(known), (Stock(counted.sku, counted.available + goods.quantity, counted.reserved),))
""",
        ),
        here(PROPERTIES, "http/test_other_apis.py::test_a_receipts_key_counts_once_per_sku"),
    ),
)
