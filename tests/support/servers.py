"""The servers that tests and benchmarks start."""

from tests.support.kafka import KafkaServer
from tests.support.postgres import PostgresServer
from tests.support.processes import Missing, ServerFailed

__all__ = ["KafkaServer", "Missing", "PostgresServer", "ServerFailed"]
