"""Who asks below /api/v1: the key in `Authorization: Bearer <key>`, and nothing else.

A signed-in browser's session is no credential there, and no cookie is set: so nobody's browser can be made to call the API,
and no form token is needed. Without a key that counts the viewer stays the public, whom the guard answers with 401.
"""

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import TooManyRequests

from app.foundation import clock, tenancy
from app.members import key_use
from app.web.rate_limit import Limit, SharedWindows, Taken, Windows

PATH = "/api/v1"


def install(app: Flask) -> None:
    """Before the viewer is set."""
    settings = app.config["SETTINGS"]
    kind = SharedWindows if settings.database_url.startswith("postgresql") else Windows
    app.extensions["api_requests"] = kind(settings.api_requests_per_minute)
    app.after_request(_say_what_is_left)


def asked() -> bool:
    """Whether this request is a program's, whose viewer comes from a key."""
    return request.path == PATH or request.path.startswith(f"{PATH}/")


def let_in() -> None:
    """Set the viewer from the key. 429 when it asks too often."""
    shown = request.authorization
    if shown is None or shown.type != "bearer" or not shown.token:
        return
    use = key_use.viewer_of(shown.token)
    if use is None:
        return
    windows: Limit = current_app.extensions["api_requests"]
    g.api_requests = windows.take(use.key_id, clock.now())
    if not g.api_requests.allowed:
        raise TooManyRequests(retry_after=g.api_requests.seconds)
    tenancy.set_viewer(use.viewer)


def _say_what_is_left(response: Response) -> Response:
    taken: Taken | None = g.get("api_requests")
    if taken is not None:
        response.headers["RateLimit-Limit"] = str(taken.limit)
        response.headers["RateLimit-Remaining"] = str(taken.remaining)
        response.headers["RateLimit-Reset"] = str(taken.seconds)
    return response
