"""Deny by default: a route says what it needs, or it is in the short public list, or nobody gets in."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, redirect, request, url_for
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from app.foundation import tenancy
from app.foundation.tenancy import Capacity
from app.web import bearer
from app.web.errors import session_ended

View = TypeVar("View", bound=Callable[..., Any])


def needs(permission: str, *, capacity: Capacity | None = None) -> Callable[[View], View]:
    """The route is for signed-in members whose roles grant `permission`; the innermost decorator, below the route."""

    def mark(view: View) -> View:
        view.needed_permission = permission  # type: ignore[attr-defined]
        view.needed_capacity = capacity  # type: ignore[attr-defined]
        return view

    return mark


def needs_by_capacity(**needed: str) -> Callable[[View], View]:
    """One address for several capacities, each with its own permission: partner="engagement:view", customer=..."""

    def mark(view: View) -> View:
        view.needed_permission = None  # type: ignore[attr-defined]
        view.needed_capacity = None  # type: ignore[attr-defined]
        view.needed_by_capacity = needed  # type: ignore[attr-defined]
        return view

    return mark


def signed_in(view: View) -> View:
    """The route is for every signed-in member, whatever the roles: account, sign-out, home."""
    view.needed_permission = None  # type: ignore[attr-defined]
    view.needed_capacity = None  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """The route is for everybody. Each use is on the list that a test holds."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    app.before_request(_check)


def _check() -> Any:
    view = _view()
    if view is None or getattr(view, "is_public", False):
        return None  # no such route: the 404 page answers
    viewer = tenancy.current()
    if viewer.member_id is None:
        if bearer.asked():
            raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "api"}))
        return _ask_to_sign_in()
    if not hasattr(view, "needed_permission"):
        raise Forbidden
    capacity = view.needed_capacity
    if capacity is not None and viewer.capacity != capacity:
        raise Forbidden
    if view.needed_permission is not None:
        viewer.must(view.needed_permission)
    by_capacity = getattr(view, "needed_by_capacity", None)
    if by_capacity is not None:
        if viewer.capacity not in by_capacity:
            raise Forbidden
        viewer.must(by_capacity[viewer.capacity])
    return None


def _view() -> Any:
    from flask import current_app

    return current_app.view_functions.get(request.endpoint) if request.endpoint else None


def _ask_to_sign_in() -> Any:
    """To the sign-in page and back afterwards. A form is answered with a page that keeps what was typed."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return session_ended()
    target = url_for("sign_in.show", next=request.full_path.rstrip("?"))
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": target}
    return redirect(target)
