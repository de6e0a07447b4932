"""What a simulated transport and database must know of the process that uses them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from farandole.messaging.database import Transaction
from farandole.messaging.decision import Row
from farandole.messaging.kernel_tables import DeadLetter
from farandole.messaging.transport import Partition
from farandole.proof.simulate.broker import Broker
from farandole.proof.simulate.fate import Fault


class Process(Protocol):
    """A process to which things happen."""

    name: str
    broker: Broker

    def point(self, name: str, fails: Fault | None = None) -> None:
        """A place where the process may crash or stall, or (where `fails` says so) see its call raise Transient."""

    def suffer(self, name: str, fault: Fault, *chances: float) -> int:
        """Whether a fault happens here, and which kind of it: 0 is none."""

    def rest(self, seconds: float) -> None:
        """Time passes."""

    def tell(self, text: str) -> None:
        """Add a line to the history."""

    def seen(self, what: str) -> None:
        """Count something interesting."""

    def refuses(self, row: Row) -> bool:
        """Whether the database refuses a row, now and until somebody repairs it."""

    def committed(self, transaction: Transaction) -> None:
        """A transaction of this process is committed: look at the rows."""

    def parked(self, letters: Iterable[DeadLetter]) -> None:
        """These dead letters are committed."""

    def acknowledged(self, offsets: Mapping[Partition, int]) -> None:
        """The process claims that every answer up to these offsets is durable."""
