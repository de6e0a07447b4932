"""The command line as a real process, alone or beside a server with canned answers."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.server import CannedServer

SOURCE = Path(__file__).resolve().parents[2] / "src"
ID = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FARANDOLE_")}
    return kept | {"PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"} | more


def farandole(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "farandole.cli", *arguments],
        env=environment(**environ),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def asking(server: CannedServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return farandole(*arguments, FARANDOLE_URL=server.url)


def refused(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    """An error is one line on standard error, and nothing else."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("farandole: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
