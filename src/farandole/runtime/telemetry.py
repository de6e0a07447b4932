"""Logs and figures: what every process tells about itself, never contact data."""

import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


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
