"""The session cookie, verified once for all of a browser's pages; its age is looked at each time.

A signature stays right or wrong however often it is asked about. What a cookie says is copied for each request, since a page may
write into its session.
"""

import time
from copy import deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.web.varying import varies_by


class Opened(NamedTuple):
    said: dict[str, Any]
    #: nothing in it can be changed but by setting a key
    flat: bool
    #: seconds since 1970
    signed_at: int


class KeptSessions(SecureCookieSessionInterface):
    """Flask's own, but for what is asked at each page."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie or not app.secret_key:
            return super().open_session(app, request)
        opened = _opened(cookie, self, app, app.secret_key)
        if (
            opened is None
            or not 0 <= int(time.time()) - opened.signed_at <= app.permanent_session_lifetime.total_seconds()
        ):
            return self.session_class()
        return self.session_class(opened.said if opened.flat else deepcopy(opened.said))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Of one that was only looked into there is nothing to send, but that the answer depends on it."""
        if session.modified or session.permanent:
            super().save_session(app, session, response)
        elif session.accessed:
            varies_by(response, "Cookie")


@lru_cache(maxsize=1000)
def _opened(cookie: str, sessions: KeptSessions, app: Flask, _secret: str | bytes) -> Opened | None:
    """None where it is not ours."""
    serializer: URLSafeTimedSerializer | None = sessions.get_signing_serializer(app)
    if serializer is None:
        return None
    try:
        said, signed_at = serializer.loads(cookie, return_timestamp=True)
    except BadSignature:
        return None
    flat = all(isinstance(value, str | bool | None) for value in said.values())
    return Opened(said, flat, int(signed_at.timestamp()))
