"""Who is signed in: Flask-Login's session, our members. Nothing else writes the session's keys.

The session names the member and the session mark of that time; a new mark (password changed, link used) ends every session.
"""

import uuid
from datetime import timedelta
from typing import Any

from flask import Flask, g, render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.foundation import clock
from app.members import keys, queries, rules
from app.members.queries import SignedIn
from app.members.sign_ins import Passed
from app.members.tries import TooManyTries

#: A session that nothing was done in for so long is over, as is the wait for a code after the password.
SESSION_HOURS, CODE_WAITS_SECONDS = 12, 300

#: Whom the member acts for: "<organisation id>:<capacity>".
ACTING_FOR = "acting_for"
_SECOND_STEP = "second_step"


class Person(UserMixin):
    """What Flask-Login keeps: the member of this request, read by one statement."""

    def __init__(self, signed_in: SignedIn) -> None:
        self.signed_in = signed_in

    def get_id(self) -> str:
        return f"{self.signed_in.member_id.hex}.{self.signed_in.session_mark}"


def install(app: Flask) -> None:
    keys.follow(app.config["SECRET_KEY"])
    app.config.update(
        SESSION_PROTECTION="strong",  # Flask-Login takes any other word than strong and basic for none at all
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=app.config.get("SESSION_COOKIE_SECURE", False),
    )
    app.config.setdefault("DEMO_SIGN_INS", [])
    manager = LoginManager(app)
    manager.user_loader(_load)
    app.register_error_handler(TooManyTries, _too_many_tries)


def _load(session_id: str) -> Person | None:
    member_hex, _dot, mark = session_id.partition(".")
    try:
        member_id = uuid.UUID(hex=member_hex)
    except ValueError:
        return None
    found = queries.signed_in(member_id)
    return Person(found) if found is not None and found.session_mark == mark else None


def person() -> SignedIn | None:
    """The signed-in member of this request, or None. Asks the database once a request."""
    return current_user.signed_in if current_user.is_authenticated else None


def open_session(passed: Passed) -> None:
    """Sign in: nothing of the session before stays in it, so that one planted beforehand is worth nothing."""
    found = queries.signed_in(passed.member_id)
    assert found is not None and found.session_mark == passed.mark, "the member was let in a moment ago"
    session.clear()
    login_user(Person(found), remember=False)


def go_on_with(mark: str) -> None:
    """This session survives its member's new mark; every other one has ended."""
    signed_in = person()
    assert signed_in is not None
    acting_for = session.get(ACTING_FOR)
    open_session(Passed(signed_in.member_id, mark, False))
    if acting_for:
        session[ACTING_FOR] = acting_for


def close_session() -> None:
    logout_user()
    session.clear()


def wait_for_code(passed: Passed, back: str) -> None:
    """Between the two steps: signed in as nobody, the password of one member proven."""
    until = clock.now() + timedelta(seconds=CODE_WAITS_SECONDS)
    session.clear()
    session[_SECOND_STEP] = {
        "member": passed.member_id.hex,
        "mark": passed.mark,
        "until": until.timestamp(),
        "back": back,
    }


def awaited_code() -> tuple[uuid.UUID, str, str] | None:
    """(member, session mark, where to go afterwards), while a code is awaited."""
    step = session.get(_SECOND_STEP)
    if not step or step["until"] <= clock.now().timestamp():
        return None
    return uuid.UUID(hex=step["member"]), step["mark"], step["back"]


def here() -> str:
    """Whose tries count together with this request's."""
    return rules.source_of(request.remote_addr)


def same_site(path: str | None) -> str:
    """A path of this portal to go on to, else Home: never another site's address, however it is written."""
    if not path or not path.startswith("/") or path.startswith("//") or len(path) > 2000:
        return "/"
    return path if path.isprintable() and "\\" not in path and " " not in path else "/"


def _too_many_tries(no: TooManyTries) -> Any:
    page = render_template(
        "errors/error.html",
        code=429,
        title=_("Too many tries"),
        text=_("The password was wrong too often."),
        next=wait_sentence(no),
        request_id=g.get("request_id"),
    )
    return page, 429, {"Retry-After": str(no.seconds)}


def wait_sentence(no: TooManyTries) -> str:
    minutes = -(-no.seconds // 60)
    return str(ngettext("Try again in %(num)s minute.", "Try again in %(num)s minutes.", minutes))
