"""Server-Sent Events, read as the HTML standard says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    event: str
    id: str
    data: str


@dataclass(slots=True)
class Reader:
    """Remembers across connections where to resume and how long to wait before that."""

    last_id: str = ""
    retry_seconds: float = 1.0
    _id: str = ""
    _event: str = ""
    _data: list[str] = field(default_factory=list)

    def read(self, chunks: Iterable[bytes]) -> Iterator[Message]:
        """The complete messages of one connection; an unfinished last one is dropped, as the standard demands."""
        self._id, self._event, self._data = self.last_id, "", []
        for line in _lines(chunks):
            if line:
                self._take(line)
                continue
            self.last_id = self._id
            if self._data:
                yield Message(self._event or "message", self.last_id, "\n".join(self._data))
            self._event, self._data = "", []

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_seconds = int(value) / 1000


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")
