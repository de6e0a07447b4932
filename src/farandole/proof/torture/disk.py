"""A small disk that can be full: a tmpfs of our own, made exactly as large as what is on it."""

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

ROOM: Final = 3 * 1024**3
ATTEMPTS: Final = 50


class CannotMount(Exception):
    """No tmpfs can be mounted here."""


class SmallDisk:
    """Mounted while it is entered; raises CannotMount, saying why, where that is not allowed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="farandole-disk-"))

    def __enter__(self) -> Self:
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0755", "farandole", str(self.folder))
        except CannotMount:
            self.folder.rmdir()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("umount", "--lazy", str(self.folder))
        with suppress(OSError):
            self.folder.rmdir()

    def fill(self) -> None:
        """Leave not one free block."""
        for _ in range(ATTEMPTS):
            with suppress(CannotMount):  # it grew meanwhile
                self._resize(self._used())
                return
        raise CannotMount(f"expected to make {self.folder} as small as its content in {ATTEMPTS} attempts")

    def free(self) -> None:
        self._resize(ROOM)

    def _used(self) -> int:
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


def _run(*command: str) -> None:
    if os.geteuid() != 0:
        raise CannotMount("mounting a tmpfs needs root")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise CannotMount(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise CannotMount(f"{' '.join(command)}: {done.stderr.strip()}")
