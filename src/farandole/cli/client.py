"""A client of the HTTP API; whatever goes wrong becomes one line and an exit code."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from farandole.cli.exits import Unreachable
from farandole.cli.problems import NO_STATUSES, NotYet, failure
from farandole.cli.sse import Message, Reader

if TYPE_CHECKING:
    import httpx

SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 60.0
ATTEMPTS: Final = 10
PATIENCE: Final = 5
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
NO_HEADERS: Final[Mapping[str, str | None]] = MappingProxyType({})


class Client:
    """Speaks to one base URL."""

    def __init__(self, url: str) -> None:
        import httpx

        self._url = url.rstrip("/")
        proxied = urlsplit(url).hostname not in LOOPBACK
        self._http = httpx.Client(timeout=SECONDS, trust_env=proxied)

    def get(self, *path: str, **query: object) -> Any:
        """The JSON at a path; a query parameter that is None is left out."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return self._json(self._checked("GET", path, params=given))

    def pages(self, *path: str, **query: object) -> list[Any]:
        """The items of every page; a query parameter that is None is left out."""
        items: list[Any] = []
        cursor = None
        while True:
            page = self.get(*path, cursor=cursor, **query)
            if isinstance(page, list):
                return page
            items += page.get("items", [])
            cursor = page.get("next_cursor")
            if cursor is None:
                return items

    def text(self, *path: str) -> str:
        """The plain text at a path."""
        return self._checked("GET", path).text

    def post(
        self,
        *path: str,
        body: object = None,
        headers: Mapping[str, str | None] = NO_HEADERS,
        query: Mapping[str, str | None] = NO_HEADERS,
        wait: int = 0,
        refusals: tuple[int, ...] = NO_STATUSES,
    ) -> Any:
        """The JSON answer to a JSON body; a header or parameter that is None is left out, a refusal is the answer no."""
        given: dict[str, Any] = {
            "headers": {name: value.encode() for name, value in headers.items() if value is not None},
            "params": {name: value for name, value in query.items() if value is not None},
            "timeout": SECONDS + wait,
        }
        content = {} if body is None else {"json": body}
        return self._json(self._checked("POST", path, refusals, **given, **content))

    def follow(self, *path: str) -> Iterator[Message]:
        """The messages of an event stream up to its end, over as many connections as it takes."""
        reader, failures = Reader(), 0
        while failures < ATTEMPTS:
            failures += 1
            try:
                with self._streaming(path, reader) as response:
                    if response.status_code == 204:
                        return
                    for message in reader.read(response.iter_bytes()):
                        if message.event == "end":
                            return
                        failures = 0
                        yield message
            except NotYet as unheard:
                if failures == PATIENCE:
                    raise
                reader.retry_seconds = unheard.retry_seconds
            except Unreachable:
                if not reader.last_id or failures == ATTEMPTS:
                    raise
            time.sleep(reader.retry_seconds)
        raise Unreachable(f"expected an event stream from {self._url}, found {ATTEMPTS} broken ones")

    @contextmanager
    def _streaming(self, path: tuple[str, ...], reader: Reader) -> Iterator["httpx.Response"]:
        """An open stream, resumed after what the reader has seen."""
        import httpx

        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": reader.last_id} if reader.last_id else {})
        timeout = httpx.Timeout(SECONDS, read=SILENCE_SECONDS)
        address = self._address(path)
        with self._sorted_errors(), self._http.stream("GET", address, headers=headers, timeout=timeout) as response:
            if not response.is_success:
                response.read()
                raise failure(response)
            yield response

    def _checked(
        self, method: str, path: tuple[str, ...], refusals: tuple[int, ...] = NO_STATUSES, **more: Any
    ) -> "httpx.Response":
        with self._sorted_errors():
            response = self._http.request(method, self._address(path), **more)
        if not response.is_success:
            raise failure(response, refusals)
        return response

    @contextmanager
    def _sorted_errors(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"expected a Farandole at {self._url}, found: {why}") from None

    def _json(self, response: "httpx.Response") -> Any:
        try:
            return response.json()
        except ValueError:
            found = response.headers.get("content-type", "nothing")
            raise Unreachable(f"expected JSON from {self._url}, found {found}") from None

    def _address(self, path: tuple[str, ...]) -> str:
        return "/".join((self._url, "api", *(quote(part, safe="") for part in path)))
