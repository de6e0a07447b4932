"""A tiny real HTTP server that gives canned answers and remembers what it was asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    body: Any = ""
    status: int = 200
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Asked:
    route: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class CannedServer:
    """Answers each route with its answers in turn, the last one for ever."""

    answers: Mapping[str, list[Answer]]
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> "CannedServer":
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                answer = canned.take(Asked(f"{self.command} {self.path}", dict(self.headers), body))
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.type)
                self.send_header("Content-Length", str(len(answer.content)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = answer

            def log_message(self, format: str, *args: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def take(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answers = self.answers.get(asked.route)
        if not answers:
            return Answer({"title": "Not Found", "status": 404, "detail": f"no {asked.route}"}, 404, PROBLEM)
        return answers[0] if len(answers) == 1 else answers.pop(0)
