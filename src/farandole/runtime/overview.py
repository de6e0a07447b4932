"""What only the monitor's process does: look at everything, audit the ledger, and tell Prometheus of both."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from farandole.messaging.database import Database
from farandole.messaging.transport.inspection import Inspection
from farandole.monitor.ledger_report import LedgerReport
from farandole.runtime.auditing import Auditing
from farandole.runtime.figures import observe
from farandole.runtime.watch import Watch
from farandole.runtime.worker import Worker
from farandole.web.branches import Branches


class Overview:
    """Started and stopped with the process; `clients` are made anew for each thread's event loop."""

    def __init__(
        self,
        monitor: tuple[Worker, Database],
        inspection: Inspection,
        clients: Callable[[], Branches],
        late_after: int,
        figures: CollectorRegistry,
    ) -> None:
        self.watch = Watch(*monitor, inspection, clients, late_after)
        self._auditing = Auditing(*monitor, clients, self.watch)
        observe(figures, *monitor, (self.watch, self.report))

    def report(self) -> LedgerReport | None:
        return self._auditing.auditor.report()

    def start(self) -> None:
        self.watch.start()
        self._auditing.start()

    def stop(self) -> None:
        self.watch.stop()
        self._auditing.stop()

    def join(self) -> None:
        self.watch.join()
        self._auditing.join()
