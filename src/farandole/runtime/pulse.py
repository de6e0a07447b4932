"""Whether the database and Kafka are there, felt every few seconds, so that an idle service notices too; what is asked of the
database sorts the dead letters that older versions park during an update."""

import threading
from typing import Final

from farandole.messaging.database import Database
from farandole.messaging.dead_letters import sort
from farandole.messaging.failure import Conflict, Transient
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.runtime.worker import Worker

EVERY_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 2.0


class Pulse:
    """Tells a worker what is away, from a thread of its own."""

    def __init__(self, worker: Worker, database: Database, kafka: KafkaTransport) -> None:
        self._worker, self._database, self._kafka = worker, database, kafka
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._worker.away = self._feel()

    def _feel(self) -> str | None:
        try:
            self._kafka.ready(PATIENCE_SECONDS)
            with self._database.writing() as transaction:
                sort(transaction, self._worker.service)
        except Conflict:
            return None  # it is there; the next time will do
        except Transient as error:
            return str(error)
        return None
