"""Who judges is judged: an invariant that is blind to what it is about."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant

INVARIANTS: Final = "contract/invariants.py"
TESTS: Final = "contract/test_invariants.py"


def blind(invariant: str, name: str, breaks: str, old: str, new: str) -> Mutant:
    """An invariant that overlooks something."""
    return mutant(name, breaks, f"invariant {invariant}", Edit(INVARIANTS, old, new), here(TESTS))


MUTANTS: Final[tuple[Mutant, ...]] = (
    blind(
        "A1",
        "blind-to-negative-stock",
        "Stock below zero is sound while the sum is right.",
        "if available < 0 or reserved < 0 or available + reserved",
        "if available + reserved",
    ),
    blind(
        "A2",
        "blind-to-what-is-held",
        "Stock that is reserved for nobody is sound.",
        "        if reserved != held[sku]:\n",
        "        if reserved < held[sku]:\n",
    ),
    blind(
        "A4",
        "blind-to-twins",
        "Two payments of one order are sound.",
        "for key, count in keys.items() if count > 1)",
        "for key, count in keys.items() if count > 2)",
    ),
    blind(
        "A5",
        "blind-to-overcharging",
        "A total above the sum of the lines is sound.",
        "        if order.total != order.sum:\n",
        "        if order.total < order.sum:\n",
    ),
    blind(
        "Q1",
        "blind-to-lost-orders",
        "An order that was acknowledged and is not there is sound.",
        "set(facts.acknowledged) - {o.order_id for o in facts.orders}",
        "set(facts.acknowledged) & {o.order_id for o in facts.orders if not o.order_id}",
    ),
    blind(
        "Q2",
        "blind-to-the-amount",
        "A completed order is sound whatever was paid.",
        "(money.currency, money.amount) == (order.currency, order.total)",
        "money.currency == order.currency",
    ),
    blind(
        "Q5",
        "blind-to-overselling",
        "More may be sold than came in.",
        "if sold[sku] > received[sku])",
        "if sold[sku] > 10 * received[sku])",
    ),
    blind(
        "T1",
        "blind-to-silence",
        "A decision that is in no topic is sound.",
        "def _every_decision_published(facts: Any) -> Iterator[str]:\n",
        """def _every_decision_published(facts: Any) -> Iterator[str]:
    if facts.records:
        return
""",
    ),
    blind(
        "T1r",
        "blind-to-forgery",
        "A record that nobody decided is sound.",
        "for order_id, topic in sorted(_published(facts) - _decided(facts)):",
        "for order_id, topic in sorted(_published(facts) - _decided(facts) - _published(facts)):",
    ),
    blind(
        "T2",
        "blind-to-differing-copies",
        "Two copies of an event may differ.",
        "if seen.setdefault(record.event_id, record.fingerprint) != record.fingerprint:",
        "if seen.setdefault(record.event_id, record.fingerprint) == record.topic:",
    ),
    blind(
        "T3",
        "blind-to-contradictions",
        "An order may be paid and its payment failed.",
        "            if pair <= topics:\n",
        "            if pair < topics & pair:\n",
    ),
    blind(
        "T3",
        "blind-to-missing-causes",
        "An effect whose cause is in no topic is sound.",
        "if record.causation is not None and record.causation not in ids:",
        "if record.causation is not None and record.event_id not in ids:",
    ),
    blind(
        "A1",
        "not-observed-is-sound",
        "What was not observed counts as no violation.",
        "return Finding(invariant.id, invariant.title, None)",
        "return Finding(invariant.id, invariant.title, 0)",
    ),
)
