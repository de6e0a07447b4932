"""The life of a real server: a folder of its own, and the same data and port however often it is ended and started."""

import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from farandole.proof.ground.ports import free_port
from farandole.proof.ground.processes import ServerProcess


class Server(ABC):
    """Runs while it is entered; a kind of server says how its data begin, which process serves them and when it answers."""

    START_SECONDS: ClassVar[float]
    STOP: ClassVar[signal.Signals]
    KILL: ClassVar[signal.Signals]
    _process: ServerProcess

    def __init__(self, kind: str, room: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"farandole-{kind}-"))
        self._data = (room or self._folder) / "data"
        self.log = self._folder / "server.log"
        self.port = free_port()

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients find it."""

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs; one that found its disk full may have ended by itself."""
        return self._process.alive

    def start(self) -> None:
        """Starts it and returns once it answers."""
        if not self._data.exists():
            self._initialise()
        self._process.start(self._answers, self.START_SECONDS)

    def stop(self) -> None:
        """Ends it in an orderly way, whoever is connected."""
        self._process.end(self.STOP)

    def kill(self) -> None:
        """Ends it at once, so that the next start recovers from its log, as after a crash."""
        self._process.end(self.KILL)

    def restart(self) -> None:
        """Ends it in an orderly way and starts it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Ends it and removes its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _initialise(self) -> None:
        """Makes the data of a server that never ran."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a client is answered."""
