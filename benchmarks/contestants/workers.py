"""Python processes that say `ready …`, obey lines on their standard input and end when that closes."""

import subprocess
from collections.abc import Mapping
from contextlib import ExitStack

END_SECONDS = 20


class Workers:
    """All of them end with the stack."""

    def __init__(self, python: str, stack: ExitStack) -> None:
        self._python, self._stack = python, stack
        self._running: dict[str, list[subprocess.Popen[str]]] = {}

    @property
    def pids(self) -> dict[str, list[int]]:
        """By role."""
        return {role: [process.pid for process in running] for role, running in self._running.items()}

    def alive(self) -> bool:
        return all(process.poll() is None for running in self._running.values() for process in running)

    def start(self, role: str, module: str, environment: Mapping[str, str]) -> str:
        """Starts one and returns what it said after `ready`."""
        process = subprocess.Popen(
            [self._python, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._running.setdefault(role, []).append(process)
        self._stack.callback(_end, process)
        assert process.stdout is not None
        word, _, rest = process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise RuntimeError(f"expected `ready` of {module}, found {word or 'nothing'!r}")
        return rest

    def say(self, role: str, *lines: str) -> None:
        """One line to each process of a role."""
        for process, line in zip(self._running[role], lines, strict=True):
            assert process.stdin is not None
            print(line, file=process.stdin, flush=True)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
