"""Real Apache Kafka and PostgreSQL on free loopback ports, without Docker and without privileges.

For the tests and for `make cluster-demo`; the product's wheel does not carry it. Each server keeps everything
(configuration, data, log) in one folder of its own, can be killed and started again on the same data, and dies with
the process that started it, however that one ends.
"""

from __future__ import annotations

from deploy.servers.kafka import Kafka
from deploy.servers.postgres import Postgres
from deploy.servers.processes import MissingPart, ServerDown

__all__ = ["Kafka", "MissingPart", "Postgres", "ServerDown"]
