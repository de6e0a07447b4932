"""Server processes that do not outlive the one that started them."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 30


class Missing(Exception):
    """A program that a server needs is not installed."""


class ServerFailed(Exception):
    """A server ended, or did not become ready in time."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account a server runs as."""

    uid: int
    gid: int

    @classmethod
    def current(cls) -> "Account":
        """Returns the account of this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def first_of(cls, names: Iterable[str]) -> "Account | None":
        """Returns the first account that exists on this machine."""
        existing = {entry.pw_name: entry for entry in pwd.getpwall()}
        found = (existing[name] for name in names if name in existing)
        return next((cls(entry.pw_uid, entry.pw_gid) for entry in found), None)


def leashed(program: Sequence[str | Path], account: Account, death_signal: signal.Signals) -> list[str]:
    """Returns the command that runs a program as an account and ends it with the calling thread."""
    bounds = (os.getpid(), int(death_signal), account.uid, account.gid)
    return [sys.executable, "-I", str(LEASH), *(str(word) for word in (*bounds, *program))]


class ServerProcess:
    """One child process with its log: ended by pid, at interpreter exit at the latest."""

    def __init__(
        self,
        program: Sequence[str | Path],
        log: Path,
        account: Account,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._program = program
        self._account = account
        self._death_signal = death_signal
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], seconds: float) -> None:
        """Starts the process and returns once it is ready; raises ServerFailed with the end of its log otherwise."""
        if self._process is not None:
            raise ServerFailed(f"expected a stopped server, found process {self._process.pid}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self._program, self._account, self._death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                start_new_session=True,
            )
        atexit.register(self.end, signal.SIGKILL)
        try:
            self._wait_until(ready, seconds)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def end(self, with_signal: signal.Signals, seconds: float = 30) -> None:
        """Signals the process and waits for it; kills it when it outlasts the given seconds."""
        process, self._process = self._process, None
        atexit.unregister(self.end)
        if process is None:
            return
        process.send_signal(with_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        process, deadline = self._running(), time.monotonic() + seconds
        while not ready():
            if process.poll() is not None:
                raise ServerFailed(f"ended with code {process.returncode} while starting:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"expected it ready within {seconds} s, found it silent:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed("expected a running server, found it stopped")
        return self._process

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def run_to_end(program: Sequence[str | Path], account: Account, seconds: float = 120) -> None:
    """Runs a helper program as an account; raises ServerFailed with its output when it fails."""
    command = leashed(program, account, signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd="/", check=False)
    if done.returncode:
        raise ServerFailed(f"{program[0]} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")


def found_program(name: str) -> Path:
    """Returns a program from the PATH or raises Missing."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} expected on the PATH, found none")
    return Path(path)
