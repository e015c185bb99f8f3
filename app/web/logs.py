"""JSON lines: one a request, and whatever happened during it, tied together by the request's id.

A line tells who (member, organisation, capacity) and what (method, path, status, milliseconds). It never holds query
values, form values, e-mail addresses or the tokens that some paths carry.
"""

import logging
import re
import secrets
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from json import JSONEncoder
from typing import Any

import structlog
from flask import Flask, Response, g, has_request_context, request

from app.foundation import clock, tenancy

_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Arguments of a path that open a door: they are logged by name only.
_SECRET = ("token", "code", "key")

_AS_JSON = JSONEncoder(ensure_ascii=False)


class _Lines:
    """The handler's stream, line by line; one that cannot be written to is no reason to fail a request."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        self.handler = handler

    def write(self, line: str) -> None:
        self.handler.acquire()
        try:
            with suppress(OSError, ValueError):
                self.handler.stream.write(f"{line}\n")
                self.handler.flush()
        finally:
            self.handler.release()


#: the requests' lines go straight to where the handler writes; by way of a record each would take several times as long
lines: _Lines | None = None


def install(app: Flask) -> None:
    configure()
    app.before_request(_begin)
    app.after_request(_end)


def configure() -> None:
    """JSON lines on standard error, for structlog and for the standard library's loggers alike. Safe to call again."""
    shared: list[Any] = [
        _say_which,
        _say_who,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    known = (handler for handler in root.handlers if getattr(handler, "writes_json_lines", False))
    handler: Any = next(known, None)
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        handler.writes_json_lines = True
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    as_json,
                ],
            )
        )
        root.addHandler(handler)
        root.setLevel(logging.INFO)
    global lines
    lines = _Lines(handler)
    _ask_for_nothing_unsaid()
    # werkzeug repeats every request with its query, httpx every address it asks, the scheduler every tick, the queues every job
    for chatty in ("werkzeug", "httpx", "apscheduler", "procrastinate", "psycopg.pool"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("procrastinate.worker").addFilter(_not_told_by_us)


def _ask_for_nothing_unsaid() -> None:
    """No line tells thread, file or place in it, so none is looked for; how Python's own "Optimization" of logging says it.

    gunicorn's own lines tell the process.
    """
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None


def _not_told_by_us(line: logging.LogRecord) -> bool:
    """A job that raised stands in the log already, as job_failed."""
    return getattr(line, "action", None) != "job_error"


def request_id() -> str:
    """The id of this request, for the line and for the page that says something went wrong."""
    if not has_request_context():
        return ""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if _SANE.fullmatch(sent) else secrets.token_hex(16)
    return str(g.request_id)


def _begin() -> None:
    g.began = time.perf_counter()
    request_id()


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    began = g.get("began")
    line: dict[str, Any] = {
        "method": request.method,
        "path": _path(),
        "status": response.status_code,
        "ms": None if began is None else round((time.perf_counter() - began) * 1000, 1),
        "event": "request",
    }
    _say_who(None, "", _say_which(None, "", line))
    line |= {"level": "info", "at": f"{clock.of_the_machine().replace(tzinfo=None).isoformat()}Z"}
    if lines is not None:
        lines.write(_AS_JSON.encode(line))
    return response


def _path() -> str:
    path = request.path
    for name, value in (request.view_args or {}).items():
        if any(word in name for word in _SECRET):
            path = path.replace(str(value), f"<{name}>")
    if "@" in path:
        path = re.sub(r"[^/]*@[^/]*", "<address>", path)
    return path.encode("ascii", "backslashreplace").decode()[:200]


def _say_which(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever is logged during a request tells its id."""
    if has_request_context():
        line.setdefault("request_id", request_id())
    return line


def _say_who(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    try:
        viewer = tenancy.current()
    except tenancy.NoViewer:
        return line
    line["capacity"] = viewer.capacity
    if viewer.member_id:
        line["member"] = str(viewer.member_id)
    if viewer.organisation_id:
        line["organisation"] = str(viewer.organisation_id)
    if viewer.reason:
        line["reason"] = viewer.reason
    return line
