"""CPU and memory of processes, as the kernel counts them: /proc, Linux only."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu(pid: int) -> float:
    """CPU seconds of a process, of its living children, and of those it has waited for."""
    try:
        fields, children = _stat(pid), _children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(ticks) for ticks in fields[11:15]) / TICKS
    return own + sum(cpu(child) for child in children)


def family(pid: int) -> list[int]:
    """A process and its living descendants."""
    try:
        children = _children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in family(child))]


def peak(pid: int) -> int:
    """Most resident memory of one process so far, in bytes."""
    return _memory(pid, "VmHWM:")


def resident(pid: int) -> int:
    """Resident memory of one process now, in bytes."""
    return _memory(pid, "VmRSS:")


def _memory(pid: int, kind: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(kind)), 0)


@dataclass
class Meter:
    """CPU of some roles since the meter was made."""

    roles: Mapping[str, Sequence[int]]

    def __post_init__(self) -> None:
        self._before = {role: _cpu(pids) for role, pids in self.roles.items()}

    def cpu(self) -> dict[str, float]:
        """CPU seconds by role."""
        return {role: _cpu(pids) - self._before[role] for role, pids in self.roles.items()}

    def peaks(self) -> dict[str, list[int]]:
        """Most resident memory of every living process of a role, descendants included, in bytes, largest first."""
        return {
            role: sorted((peak(one) for pid in pids for one in family(pid)), reverse=True)
            for role, pids in self.roles.items()
        }


def _cpu(pids: Iterable[int]) -> float:
    return sum(map(cpu, pids))
