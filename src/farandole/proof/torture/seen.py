"""What must be seen at least once in a long run: a run that never met it has not shown that it is survived."""

from typing import Final

DUPLICATE: Final = "a record was heard again after a crash"
RESCUED: Final = "a decision was committed, said to nobody, and said when its record was heard again"
REPEATED: Final = "an answer was said twice"
TAKEOVER: Final = "another process took the partitions over"
ZOMBIE: Final = "a frozen process came back after its partitions were another's"
AMBIGUOUS_COMMITTED: Final = "a POST without an answer had committed"
AMBIGUOUS_NOT_COMMITTED: Final = "a POST without an answer had not committed"
POISON: Final = "poison was parked"
REPLAYED: Final = "a dead letter was replayed through the API and its order ended"
ORPHAN: Final = "another process relayed an orphaned outbox row"
BATCH_OF_ONE: Final = "a batch of one"
BATCH_OF_HUNDREDS: Final = "a batch of hundreds"
CONFLICT: Final = "two processes decided the same, and one looked again"
WAITED: Final = "a service waited for something that was away"

ALWAYS: Final = (
    DUPLICATE,
    RESCUED,
    REPEATED,
    TAKEOVER,
    ZOMBIE,
    AMBIGUOUS_COMMITTED,
    AMBIGUOUS_NOT_COMMITTED,
    POISON,
    REPLAYED,
    ORPHAN,
    BATCH_OF_ONE,
    BATCH_OF_HUNDREDS,
    CONFLICT,
    WAITED,
)


def effective(fault: str) -> str:
    """A fault of a kind hit something in flight."""
    return f"effective: {fault}"
