"""Logs and figures: what every process tells about itself, never contact data."""

import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.typing import EventDict, Processor

from farandole.runtime.settings import Settings
from farandole.runtime.worker import Worker

COUNTED: Final = {
    "records": "records heard",
    "batches": "transactions that decided records",
    "commands": "commands decided",
    "parked": "records parked as dead letters",
    "conflicts": "transactions repeated because another process was faster",
    "waits": "times something outside was away",
}


def configure_logs(settings: Settings) -> None:
    """Send log lines to standard error, as text or as JSON."""
    level = getattr(logging, settings.log_level.upper())
    rendered: list[Processor] = [structlog.processors.JSONRenderer()]
    if settings.log_format == "console":
        plain = structlog.dev.plain_traceback
        rendered = [_harmless, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _harmless(_: object, __: str, line: EventDict) -> EventDict:
    """A line in which no text that somebody else wrote moves the cursor; where it has spaces or line ends, the renderer quotes
    it, and a traceback, which it does not, is indented, so that nothing in it looks like another line."""
    for name, value in line.items():
        if name == "exception":
            line[name] = "\n".join(f"    {_visible(part)}" for part in value.splitlines())
        elif isinstance(value, str):
            line[name] = _visible(value)
    return line


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\t\r\n" else c.encode("unicode_escape").decode() for c in text)


def registry(workers: Sequence[Worker]) -> CollectorRegistry:
    """The figures of these workers, read when asked for."""
    made = CollectorRegistry()
    made.register(_Workers(workers))
    return made


class _Workers(Collector):
    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        for name, meaning in COUNTED.items():
            family = CounterMetricFamily(f"farandole_{name}", meaning, labels=["service"])
            for worker in self._workers:
                family.add_metric([worker.service], worker.tally[name])
            yield family
        backlog = GaugeMetricFamily("farandole_backlog", "events waiting to be published", labels=["service"])
        ready = GaugeMetricFamily("farandole_ready", "1 while the service can work", labels=["service"])
        for worker in self._workers:
            backlog.add_metric([worker.service], worker.intake.backlog)
            ready.add_metric([worker.service], worker.stall() is None)
        yield from (backlog, ready)
