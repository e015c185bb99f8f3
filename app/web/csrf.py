"""No other site makes our members' browsers act: every POST shows a token, and comes from our own pages.

The token travels as the form's csrf_token or as the header X-CSRFToken, which the body's hx-headers adds to every htmx
request. What it is compared with lives in the session and, signed, in a cookie that outlives the session: so a form that
was open while the session ended can still be sent after signing in again in another tab. A browser that says the request
comes from another site (Sec-Fetch-Site) is refused whatever token it shows. The API knows no cookies, so it needs none of this.
"""

from functools import lru_cache
from typing import Any

from flask import Flask, Response, current_app, g, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer

from app.web import bearer

protect = CSRFProtect()
_FIELD = "csrf_token"
_ELSEWHERE = ("cross-site", "same-site")


def install(app: Flask) -> None:
    """After the viewer is set, so that a refusal keeps the shell, and before anything is asked of the guard."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # the form may stay open over lunch
    app.config.setdefault(
        "WTF_CSRF_SSL_STRICT", False
    )  # Sec-Fetch-Site says it better than a Referer that some cut off
    app.before_request(_restore)
    protect.init_app(app)
    app.jinja_env.globals["csrf_token"] = _token
    app.context_processor(lambda: {"csrf_token": _token})
    app.after_request(_keep)


def came_from_here() -> bool:
    """Whether the browser vouches that one of our own pages sent this request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and origin == request.host_url.rstrip("/")


def _restore() -> None:
    if request.endpoint == "static" or bearer.asked():
        return
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and request.headers.get("Sec-Fetch-Site") in _ELSEWHERE:
        raise CSRFError("The request comes from another site.")
    if _cookie() in request.cookies and _FIELD not in session and (kept := _kept()):
        session[_FIELD] = kept


def _token() -> str:
    """generate_csrf(), which signs what the session holds; without a time limit one signature will do for all of its pages."""
    if _FIELD in g:
        return str(g.csrf_token)
    raw = session.get(_FIELD)
    if raw is None:
        return generate_csrf()
    g.csrf_token = _signed(raw, str(current_app.secret_key))
    return str(g.csrf_token)


@lru_cache(maxsize=1000)
def _signed(_raw: str, _secret: str) -> str:
    return generate_csrf()


def _keep(response: Response) -> Response:
    if _FIELD not in g:
        return response  # no page of this answer holds a token
    raw = session.get(_FIELD)
    if raw and raw != _kept():
        secure = bool(current_app.config.get("SESSION_COOKIE_SECURE"))
        response.set_cookie(
            _cookie(),
            _signer(str(current_app.secret_key)).dumps(raw),
            max_age=30 * 86400,
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _kept() -> str | None:
    return _inside(request.cookies.get(_cookie(), ""), str(current_app.secret_key))


@lru_cache(maxsize=1000)
def _inside(cookie: str, secret: str) -> str | None:
    """A signature without a date does not grow old: what a cookie says is worked out once for all of a browser's pages."""
    try:
        kept: Any = _signer(secret).loads(cookie)
    except BadSignature:
        return None
    return kept if isinstance(kept, str) else None


def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="csrf-cookie")


def _cookie() -> str:
    # The prefix makes browsers refuse one that a neighbouring host name tries to plant.
    return "__Host-csrf" if current_app.config.get("SESSION_COOKIE_SECURE") else "csrf"
