"""An order ends once, and what is paid is what is owed."""

from typing import Final

from tests.mutants.mutant import CHECKER, Edit, Mutant, here, mutant, simulator

ORDER: Final = "services/order/handlers.py"
PAYMENT: Final = "services/payment/handlers.py"
LIMIT: Final = "services/payment/domain.py"
SETTINGS: Final = "behaviour/test_changed_settings.py"
AGAIN: Final = "behaviour/test_hearing_again.py"
POISON: Final = "behaviour/test_poison.py"
FLOWS: Final = "behaviour/test_flows.py"
EDGES: Final = "services/test_decisions.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "status-without-guard",
        "An order that has ended may end otherwise.",
        "invariant A3",
        Edit(
            ORDER,
            """    if known := rows.get(Outcome, order_id):
        if known.status != status:
""",
            """    if (known := rows.get(Outcome, order_id)) and known.status == status:
        if not known.key:
""",
        ),
        here(f"{POISON}::test_a_release_without_a_reservation_is_parked"),
    ),
    mutant(
        "unknown-order-ends",
        "An order that was never placed here may fail here.",
        "rule 13",
        Edit(
            ORDER,
            """    _known(rows, heard.event.order_id)
    return Decision(_ended(rows, heard, Status.FAILED""",
            "    return Decision(_ended(rows, heard, Status.FAILED",
        ),
        here(EDGES),
    ),
    mutant(
        "paid-whatever-it-cost",
        "An order is complete whatever was paid for it.",
        "invariant Q2",
        Edit(ORDER, "    if paid != (order.total, order.currency):\n", "    if paid == (0, order.currency):\n"),
        here(EDGES),
    ),
    mutant(
        "paid-in-any-currency",
        "An order is complete when its number was paid, in whatever currency.",
        "invariant Q2",
        Edit(ORDER, "    if paid != (order.total, order.currency):\n", "    if paid[0] != order.total:\n"),
        here(EDGES),
    ),
    mutant(
        "exactly-the-limit-fails",
        "A payment of exactly the limit fails.",
        "issue: the limit",
        Edit(LIMIT, "<= _scaled(self.most, places):", "< _scaled(self.most, places):"),
        here(f"{FLOWS}::test_exactly_the_limit_is_paid_and_a_cent_more_fails"),
    ),
    mutant(
        "limit-in-cents",
        "The limit is compared as if every currency had two digits.",
        "issue: the limit",
        Edit(
            LIMIT,
            "        if amount * 10 ** (places - money.digits(currency)) <= _scaled(self.most, places):\n",
            "        if places and amount <= _scaled(self.most, 2):\n",
        ),
        here(EDGES),
    ),
    mutant(
        "limit-in-floats",
        "An amount is compared with the limit as floating point.",
        "issue: the limit",
        Edit(
            LIMIT,
            "        if amount * 10 ** (places - money.digits(currency)) <= _scaled(self.most, places):\n",
            "        if float(money.decimal(amount, currency)) <= float(self.most) and places >= 0:\n",
        ),
        here(EDGES),
    ),
    mutant(
        "money-in-floats",
        "Minor units are what floating point makes of a decimal.",
        "issue: money",
        Edit("contract/money.py", "    return int(figures)\n", "    return int(float(amount) * 10**places)\n"),
        here("contract/test_money.py"),
    ),
    mutant(
        "total-in-floats",
        "An order's total is summed up as floating point and cut.",
        "invariant A5",
        Edit(
            "services/order/domain.py",
            "sum(money.minor(line.unit_price, currency) * line.quantity for line in lines)",
            "int(sum(float(line.unit_price) * line.quantity for line in lines) * 10 ** money.digits(currency))",
        ),
        here(EDGES),
    ),
    mutant(
        "total-without-quantity",
        "An order costs its unit prices, however many it is for.",
        "invariant A5",
        Edit("services/order/domain.py", "currency) * line.quantity for line", "currency) for line"),
        here(f"{FLOWS}::test_the_limit_counts_the_whole_order"),
    ),
    mutant(
        "paid-again",
        "A repeated `order.validated` is paid again.",
        "rule 4",
        Edit(
            PAYMENT,
            """    if known := rows.get(Payment, order.order_id):
        return Decision(known, answer(known))
""",
            "",
        ),
        simulator(),
        here(f"{AGAIN}::test_the_same_order_with_another_cause_is_parked_and_nothing_is_said", SETTINGS),
    ),
    mutant(
        "second-answer-from-settings",
        "A payment heard of again is answered as the settings of now would have it.",
        "rule 5",
        Edit(
            PAYMENT,
            "        return Decision(known, answer(known))\n",
            """        declined = gateway.decline(order.order_id, known.amount, known.currency)
        if declined is None:
            return Decision(known, events.OrderPaid(order_id=order.order_id, currency=order.currency, amount=order.amount))
        return Decision(known, answer(known))
""",
        ),
        here(SETTINGS),
    ),
    mutant(
        "republished-from-settings",
        "What is said again of a payment is what the settings' default would have said.",
        "rule 10",
        (
            Edit(
                "services/payment/again.py",
                "from farandole.services.payment.handlers import answer\n",
                """from farandole.services.payment.domain import Limit
from farandole.services.payment.handlers import answer
""",
            ),
            Edit(
                "services/payment/again.py",
                "        yield Again(",
                """        if Limit("10000.00").decline(payment.order_id, payment.amount, payment.currency) is None:
            payment = type(payment)(*(getattr(payment, f) if f != "status" else "COMPLETED" for f in payment.__struct_fields__))
        yield Again(""",
            ),
        ),
        here(SETTINGS),
    ),
    mutant(
        "republish-forgets-the-first",
        "What is said again of an order leaves out `order.placed`.",
        "rule 10",
        Edit(
            "services/order/again.py",
            "        yield Again(events.PlaceOrder, order.order_id, Decision(order, placed(order)))\n",
            "",
        ),
        here(f"{AGAIN}::test_every_answer_is_rendered_from_its_row_with_the_bytes_first_said"),
    ),
    mutant(
        "answer-longer-than-its-row",
        "The first answer says more than its row keeps.",
        "rule 5",
        (
            Edit(
                PAYMENT,
                "from functools import partial\n",
                """from functools import partial

import msgspec
""",
            ),
            Edit(
                PAYMENT,
                "    return Decision(payment, answer(payment))\n",
                """    kept = msgspec.structs.replace(payment, reason_detail=(payment.reason_detail or '')[:12] or None)
    return Decision(kept, answer(payment))
""",
            ),
        ),
        CHECKER,
        simulator(),
        here(AGAIN),
    ),
    mutant(
        "republish-first-page-only",
        "What is said again ends after the first page of orders.",
        "rule 10",
        Edit(
            "runtime/republish.py", "        if order or len(ids) < PAGE:\n", "        if order or len(ids) <= PAGE:\n"
        ),
        here("runtime/test_republish.py"),
    ),
    mutant(
        "republish-overlooks-the-time",
        "What is said again is everything, whatever time was asked for.",
        "rule 10",
        Edit(
            "runtime/republish.py",
            "relation.table.c.decided_at >= since) if since",
            "relation.table.c.decided_at >= 0) if since",
        ),
        here("runtime/test_republish.py"),
    ),
)
