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
    """Send requests here: the database answers and is migrated at least as far as this portal knows. Otherwise 503 and why.

    Beyond it is well: while an update is rolled out, the database goes first and the processes follow one by one.
    """
    try:
        with db.engine.connect() as connection:
            here = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError:
        return jsonify(status="not ready", database="no answer"), 503
    newest, known = _revisions(current_app.extensions["migrate"].directory)
    if here != newest and here <= known:
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
def _revisions(directory: str) -> tuple[set[str], set[str]]:
    """The newest of this portal's migrations, and all of them."""
    config = Config()
    config.set_main_option("script_location", directory)
    scripts = ScriptDirectory.from_config(config)
    return set(scripts.get_heads()), {script.revision for script in scripts.walk_revisions()}
