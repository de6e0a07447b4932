"""Real servers and real processes to prove things on: Apache Kafka, PostgreSQL and clusters of services, started and ended by pid."""

from farandole.proof.ground.kafka import KafkaServer
from farandole.proof.ground.postgres import PostgresServer
from farandole.proof.ground.processes import Missing, ServerFailed

__all__ = ["KafkaServer", "Missing", "PostgresServer", "ServerFailed"]
