"""Real servers for tests and benchmarks: Apache Kafka and PostgreSQL, started here and ended here."""
