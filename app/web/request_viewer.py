"""Sets the tenancy viewer once per request, from who is signed in and for whom they act.

One statement answers it all, afresh each time, so that a role taken away is gone at once. What needs no viewer asks nothing.
"""

from typing import Any

from flask import Flask, current_app, g, request, session

from app.foundation import database, tenancy
from app.members import queries as members
from app.web import bearer
from app.web.fragments import show
from app.web.sign_in import ACTING_FOR, person

#: For machines: they must answer while the database does not.
NO_VIEWER_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/favicon.ico"})

#: What a member whom no organisation has taken in, or who lacks the second factor it requires, may open: all about oneself.
OWN_SCREENS = frozenset({"sign_in", "security", "own_sessions", "switch"})


def install(app: Flask) -> None:
    app.before_request(_set)
    app.teardown_request(_unset)


def _set() -> Any:
    """The public until proven otherwise. Leaves g.signed_in and g.memberships for the shell."""
    tenancy.set_viewer(tenancy.PUBLIC)
    g.signed_in, g.memberships = None, ()
    if request.endpoint == "static" or request.path in NO_VIEWER_PATHS:
        return None
    if request.method in ("GET", "HEAD"):
        database.read_apart()
    if bearer.asked():
        return bearer.let_in()
    signed_in = person()
    if signed_in is None:
        return None
    viewer = members.viewer_for(signed_in, session.get(ACTING_FOR))
    tenancy.set_viewer(viewer)
    g.signed_in, g.memberships = signed_in, signed_in.choices
    if viewer.organisation_id is None and not _open_to_all_members():
        choice = members.choice_of(signed_in, session.get(ACTING_FOR))
        if choice is None:
            return show("account/no_organisation.html", status=403)
        return show("account/second_factor_needed.html", status=403, choice=choice)
    return None


def lacks_second_factor() -> bool:
    """Whether whom the member would act for requires a second factor that they have not got; when this request began."""
    return bool(g.memberships) and tenancy.current().organisation_id is None


def _unset(_error: Any = None) -> None:
    tenancy.set_viewer(None)


def _open_to_all_members() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return view is None or getattr(view, "is_public", False) or request.blueprint in OWN_SCREENS
