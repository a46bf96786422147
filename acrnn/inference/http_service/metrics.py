"""Metrics of the HTTP service in Prometheus's text format."""

from __future__ import annotations

import time
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from acrnn.inference.asgi import App, Message, Receive, Scope, Send

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CLOSED_BY_CLIENT = 499  # as nginx counts requests whose client did not wait for the answer


class Metrics:
    """Counts of one service, in a registry of its own.

    Attributes:
        registry: the registry, with memory and processor time of the process as well.
        requests: requests by path and status.
        seconds: durations of the requests by path.
        open: requests that are open.
        files: files by result: "recognized" or "failed".
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("acrnn_requests", "Requests.", ("path", "status"), registry=self.registry)
        self.seconds = Histogram(
            "acrnn_request_seconds", "Seconds of a request.", ("path",), buckets=_SECONDS, registry=self.registry
        )
        self.open = Gauge("acrnn_open_requests", "Requests that are open.", registry=self.registry)
        self.files = Counter("acrnn_files", "Files.", ("result",), registry=self.registry)


class Measured:
    """An ASGI application that counts and times the requests of another one.

    Args:
        app: the other application.
        metrics: takes the counts.
        paths: paths that are counted by name; all others are counted as "other".
    """

    def __init__(self, app: App, metrics: Metrics, paths: Collection[str]):
        self.app, self.metrics, self.paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self.paths else "other"
        status, started = _CLOSED_BY_CLIENT, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with self.metrics.open.track_inprogress():
            try:
                await self.app(scope, receive, counted)
            finally:
                self.metrics.requests.labels(path, status).inc()
                self.metrics.seconds.labels(path).observe(time.perf_counter() - started)
