"""What Prometheus reads at /metrics: requests by endpoint and status, their seconds, and figures that rooms count.

A room's figure is fed in create_app and asked at each scrape, as the system, never per request:

    metrics.gauge("portal_billing_entries_waiting", "Billing entries awaiting rating", billing.count_awaiting_rating)

With several processes (gunicorn) set PROMETHEUS_MULTIPROC_DIR to an empty folder: counts are then summed over them.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from app.foundation.database import db
from app.foundation.tenancy import acting_for_all

log = structlog.get_logger("web")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

#: name -> (help, function giving the figure)
GAUGES: dict[str, tuple[str, Callable[[], float]]] = {}


def gauge(name: str, help_text: str, count: Callable[[], float]) -> None:
    """Register a figure; `count` runs one query as the system. A later one of the same name takes its place."""
    GAUGES[name] = (help_text, count)


class Figures:
    """Asks the rooms at each scrape. One that fails is left out and logged: the others still tell."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (help_text, count) in GAUGES.items():
            try:
                with acting_for_all("metrics"):
                    value = float(count())
            except Exception as wrong:
                log.error("gauge failed", gauge=name, exc_info=wrong)
                db.session.rollback()
                continue
            yield GaugeMetricFamily(name, help_text, value=value)

    def describe(self) -> list[Any]:
        return []  # else registering would run every query once


def install(app: Flask) -> None:
    registry = CollectorRegistry()
    counted = Counter("portal_requests", "Requests answered", ("method", "endpoint", "status"), registry=registry)
    lasted = Histogram(
        "portal_request_seconds",
        "Seconds to the answer's first byte",
        ("endpoint",),
        buckets=_BUCKETS,
        registry=registry,
    )
    app.extensions["metrics"] = registry
    count_of, seconds_of = cache(counted.labels), cache(lasted.labels)  # endpoints, methods and statuses are few

    @app.before_request
    def _begin() -> None:
        g.metrics_began = time.perf_counter()

    @app.after_request
    def _count(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        method = (
            request.method
            if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
            else "other"
        )
        count_of(method, endpoint, response.status_code).inc()
        if "metrics_began" in g:
            seconds_of(endpoint).observe(time.perf_counter() - g.metrics_began)
        return response


def exposition(registry: CollectorRegistry) -> bytes:
    """The text that Prometheus reads: this process's counts or, with a shared folder, those of all, and the figures."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    figures = CollectorRegistry()
    figures.register(Figures())
    return generate_latest(registry) + generate_latest(figures)
