"""The way to traces: only where they are wanted is anything of OpenTelemetry imported."""

from collections.abc import Callable, Iterable

from farandole.messaging.service import Service
from farandole.runtime.settings import InvalidSetting, Settings
from farandole.runtime.worker import Worker


def follow(
    settings: Settings, workers: Iterable[tuple[Worker, Service]], system: str = "farandole", prefix: str = ""
) -> Callable[[], None]:
    """Where traces are wanted, make spans of what these workers decide; gives what ends that.

    `system` carries the events, by default the embedded log, and only it sees `prefix` on topics.
    Raises InvalidSetting when its packages are missing."""
    if settings.traces == "off":
        return lambda: None
    try:
        from farandole.runtime.otel import Traces
    except ModuleNotFoundError as error:
        raise InvalidSetting(
            f"FARANDOLE_TRACES: expected the package {error.name} because it is {settings.traces}, found none:"
            " pip install 'farandole[otel]'"
        ) from None
    traces = Traces(system, prefix)
    for worker, service in workers:
        traces.follow(worker, service)
    return traces.close
