"""The metrics of the service, in the text format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as MEDIA

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

__all__ = ["MEDIA", "Metrics"]


class Metrics:
    """The counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("kpi_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "kpi_request_seconds", "Time to the end of the answer.", ("route",), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.received = Counter("kpi_received_bytes", "Bytes of the bodies of requests.", registry=self.registry)
        self.sent = Counter("kpi_sent_bytes", "Bytes of the bodies of answers.", registry=self.registry)
        self.waiting = Gauge("kpi_waiting", "Requests that wait for a worker.", ("pool",), registry=self.registry)
        self.busy = Gauge("kpi_busy_workers", "Workers at work.", ("pool",), registry=self.registry)
        self.memory = Gauge("kpi_workers_bytes", "Memory of the workers.", ("pool",), registry=self.registry)
        self.ended = Counter(
            "kpi_ended_workers", "Workers that were replaced, by the reason.", ("pool", "reason"),
            registry=self.registry,
        )  # fmt: skip
        self.run = Gauge("kpi_store_run", "The last run of the store.", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """Return all metrics."""
        return generate_latest(self.registry)
