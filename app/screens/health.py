"""For machines: is the process alive, is it ready for requests, and how is it doing."""

import hmac
import ipaddress
from functools import lru_cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from app.foundation.database import db
from app.web.guard import public
from app.web.metrics import exposition

screen = Blueprint("health", __name__)


@screen.get("/healthz")
@public
def alive() -> Response:
    """The process answers; no database is asked, so that a slow one does not restart the portal."""
    return jsonify(status="ok")


@screen.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Send requests here: the database answers and stands at the newest migration. Otherwise 503 and why."""
    try:
        with db.engine.connect() as connection:
            here = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError:
        return jsonify(status="not ready", database="no answer"), 503
    if here != _newest(current_app.extensions["migrate"].directory):
        return jsonify(status="not ready", database="ok", migrations="not at the newest"), 503
    return jsonify(status="ok", database="ok", migrations="ok"), 200


@screen.get("/metrics")
@public
def metrics() -> Response:
    """For this machine, or for whoever shows the METRICS_TOKEN; to others there is nothing here."""
    if not (_from_this_machine() or _shows_the_token()):
        raise NotFound
    return Response(exposition(current_app.extensions["metrics"]), content_type=CONTENT_TYPE_LATEST)


def _from_this_machine() -> bool:
    # Behind a proxy on this machine every caller comes from loopback: one who was passed on is not from here.
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _shows_the_token() -> bool:
    token = current_app.config["SETTINGS"].metrics_token
    shown = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())


@lru_cache
def _newest(directory: str) -> set[str]:
    config = Config()
    config.set_main_option("script_location", directory)
    return set(ScriptDirectory.from_config(config).get_heads())
