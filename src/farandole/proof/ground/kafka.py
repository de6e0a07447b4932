"""A real Apache Kafka broker: one process, its own data folder, the same port for its whole life."""

import base64
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from farandole.proof.ground.kafka_jars import fetched_jars, java
from farandole.proof.ground.ports import accepts_connections, free_port
from farandole.proof.ground.processes import Account, ServerProcess, run_to_end
from farandole.proof.ground.server import Server

LOGGING = Path(__file__).parent / "log4j2.yaml"
FAST_START = ("-XX:TieredStopAtLevel=1",)
JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC")
SHORT_SESSION = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500"}
"""A broker that was killed is let in again when its own last session has ended, after 9 s by default."""


class KafkaServer(Server):
    """A broker and controller in one process; `fast_start=False` keeps the second compiler, which pays under load.

    Who comes through the proxy on port `proxy`, which forwards to `behind_proxy`, is told to come back through it."""

    START_SECONDS = 120
    STOP, KILL = signal.SIGTERM, signal.SIGKILL

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, fast_start: bool = True, proxy: int | None = None
    ) -> None:
        self._java, self._jars = java(), fetched_jars()
        super().__init__("kafka")
        self._proxy, self.behind_proxy = proxy, free_port()
        self._properties = self._folder / "server.properties"
        self._properties.write_text(self._rendered(settings or {}))
        jvm = (*JVM, *(FAST_START if fast_start else ()))
        self._process = ServerProcess(self._program(*jvm, "kafka.Kafka", self._properties), self.log, Account.current())

    @property
    def bootstrap(self) -> str:
        """The address clients start from."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """The address, under the name every server has."""
        return self.bootstrap

    def _initialise(self) -> None:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        format_storage = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", self._properties)
        run_to_end(self._program(*FAST_START, *format_storage), Account.current())

    def _program(self, *words: str | Path) -> list[str | Path]:
        classpath, logging = ("-cp", f"{self._jars}/*"), f"-Dlog4j2.configurationFile={LOGGING}"
        return [self._java, logging, *classpath, *words]

    def _answers(self) -> bool:
        if not accepts_connections(self.port):
            return False
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=5).brokers)
        except KafkaException:
            return False

    def _rendered(self, settings: Mapping[str, str]) -> str:
        controller = f"127.0.0.1:{free_port()}"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._data),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            **self._second_listener(controller),
        }
        return "".join(f"{name}={value}\n" for name, value in {**properties, **settings}.items())

    def _second_listener(self, controller: str) -> dict[str, str]:
        if self._proxy is None:
            return {}
        first, second = f"PLAINTEXT://{self.bootstrap}", "PROXIED://127.0.0.1"
        return {
            "listeners": f"{first},{second}:{self.behind_proxy},CONTROLLER://{controller}",
            "advertised.listeners": f"{first},{second}:{self._proxy}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
        }
