"""Python processes that say `ready …`, obey lines on their standard input and end when that closes."""

import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contestants import engine_server
from benchmarks.contestants.settings import Settings

END_SECONDS = 20


class Workers:
    """All of them end with the stack, and so does the server they may need."""

    def __init__(self, python: str, stack: ExitStack) -> None:
        self._python, self._stack = python, stack
        self._running: dict[str, list[subprocess.Popen[Any]]] = {}

    @property
    def pids(self) -> dict[str, Sequence[int]]:
        """By role."""
        return {role: [process.pid for process in running] for role, running in self._running.items()}

    def alive(self) -> bool:
        return all(process.poll() is None for running in self._running.values() for process in running)

    def folder(self) -> Path:
        """A folder that goes with them."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="contestant-")))

    def serve(self, words: Sequence[str | Path], folder: Path, ready: Callable[[], bool]) -> None:
        """Starts a server and returns once it is ready; its log is in the folder."""
        self._running["server"] = [engine_server.serve(self._stack, words, folder, ready)]

    def start(self, role: str, module: str, settings: Settings, *words: str) -> None:
        """Starts one and returns once it is ready."""
        process = subprocess.Popen(
            [self._python, "-m", f"benchmarks.contestants.{module}", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=settings.environment(),
        )
        self._running.setdefault(role, []).append(process)
        self._stack.callback(_end, process)
        if (word := self.hear(role)) != "ready":
            raise RuntimeError(f"expected `ready` of {module}, found {word!r}")

    def say(self, role: str, *lines: str) -> None:
        """One line to each process of a role."""
        for process, line in zip(self._running[role], lines, strict=True):
            assert process.stdin is not None
            print(line, file=process.stdin, flush=True)

    def hear(self, role: str) -> str:
        """The next line of the last process of a role; raises when it has ended."""
        process = self._running[role][-1]
        assert process.stdout is not None
        line: str = process.stdout.readline()
        if not line:
            raise RuntimeError(f"expected a line of {role}, found that it has ended")
        return line.strip()


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
