"""The bookkeeping around decisions: what is durable, what a crash forgets, and what waits for what."""

from enum import StrEnum
from typing import Final, Literal, NamedTuple


class Phase:
    """How far a service is with one record, or a relay with one outbox row; plain numbers, for they are counted by the million."""

    DUE: Final = 0
    """Its offset is not committed and no process knows of it; an outbox row: it is there."""
    DECIDED: Final = 1
    """Its transaction committed, its answer is on its way; only the process knows."""
    ACKNOWLEDGED: Final = 2
    """Its answer's acknowledgement came; only the process knows."""
    DONE: Final = 3
    """Its offset is committed."""
    TAKEN: Final = 4
    """Its offset is committed and it is not decided; only in a broken protocol."""


class Protocol(NamedTuple):
    """The rules of the kernel; each may be broken, to see that the checker notices."""

    outbox: bool = True
    """What no record causes is an outbox row in its transaction."""
    row_waits: bool = True
    """An outbox row is deleted after its acknowledgement."""
    offset_waits_for: Literal["acknowledgement", "decision", "nothing"] = "acknowledgement"
    """When an offset may be committed. After the decision alone it is lost with a crash; so it is when the offset of a
    later batch is committed over an earlier one whose answers are not acknowledged."""
    commits_first: bool = True
    """An answer is published after the commit."""
    repeats: bool = True
    """A duplicate is answered again."""


class Detail(StrEnum):
    """How much of the bookkeeping is a state of its own.

    PROCESSES: what each process knows, and its crash at every point. Every partition crashes on its own: a process that
    owns several is several such crashes one after another, so this allows more than happens.
    DURABLE: only what survives a crash. What a process knew and forgot differs in nothing that an invariant looks at:
    after a crash it hears the record again, which is a transition back to the same durable state exactly if hearing again
    changes no row and says the same. That is checked in every state, so the durable states are those of PROCESSES
    without what is volatile, and an end that is reachable in one is reachable in the other.
    HEARD: also, an answer that none of the four services hears lands together with its offset. Nothing can depend
    on it in between, and the invariants over topics only ask that it is there at rest.
    """

    PROCESSES = "processes"
    DURABLE = "durable"
    HEARD = "heard"


class Kind(StrEnum):
    """What a transition is."""

    POST = "post"
    POST_AGAIN = "post again"
    RELAY = "relay"
    RELAY_AGAIN = "relay again"
    RELAYED = "relayed"
    SWEEP = "sweep"
    RELAY_CRASH = "relay crash"
    HEAR = "hear"
    HEAR_AGAIN = "hear again"
    TWICE = "twice in one batch"
    ZOMBIE = "zombie"
    """Decided by one who had looked before another transaction committed."""
    SAY = "say"
    HEED = "heed"
    COMMIT = "commit"
    CRASH = "crash"
    FORGE = "forge"


class Label(NamedTuple):
    """A transition in words: who does what with which command or record, and what is said. Numbers are the deciders'."""

    kind: Kind
    service: str
    heard: int
    said: int
