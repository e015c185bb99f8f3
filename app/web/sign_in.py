"""Who is signed in: Flask-Login's session, our members. Nothing else writes the session's keys.

The cookie names the member, the session mark of that time and a random token. A new mark (password changed, link used) ends
every session; a session's own row gone (ended from another browser) ends that one.
"""

import uuid
from datetime import timedelta
from typing import Any

import structlog
from flask import Flask, g, render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.exc import OperationalError

from app.foundation import clock
from app.members import keys, queries, rules, sessions
from app.members.queries import SignedIn
from app.members.sign_ins import Passed
from app.members.tries import TooManyTries

log = structlog.get_logger("web")

#: A session that nothing was done in for so long is over, as is the wait for a code after the password. The cookie says when
#: it was signed; it is signed anew when its use is noted (sessions.SEEN_EVERY), so the time is true to that much.
SESSION_HOURS, CODE_WAITS_SECONDS = 12, 300

#: Whom the member acts for: "<organisation id>:<capacity>".
ACTING_FOR = "acting_for"
_SECOND_STEP = "second_step"


class Person(UserMixin):
    """What Flask-Login keeps: the member of this request, read by one statement, and the session's token."""

    def __init__(self, signed_in: SignedIn, token: str) -> None:
        self.signed_in, self.token = signed_in, token

    def get_id(self) -> str:
        return f"{self.signed_in.member_id.hex}.{self.signed_in.session_mark}.{self.token}"


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
    # no template asks Flask-Login who is signed in: an error page that did would ask the database once more
    manager = LoginManager(app, add_context_processor=False)
    manager.user_loader(_load)
    app.register_error_handler(TooManyTries, _too_many_tries)


def _load(session_id: str) -> Person | None:
    try:
        member_hex, mark, token = session_id.split(".")
        member_id = uuid.UUID(hex=member_hex)
    except ValueError:
        return None
    found = queries.signed_in(member_id, token)
    if found is None or found.session_mark != mark:
        return None
    _note_use(found)
    return Person(found, token)


def _note_use(found: SignedIn) -> None:
    """Once in a few minutes. A database too busy for that must not keep the member from their page.

    Not with every answer: a slow one would put the cookie back that a switch or a sign-out has just changed.
    """
    seen = found.session_seen_at
    if found.session_id is None or seen is None or clock.now() < seen + sessions.SEEN_EVERY:
        return
    session.modified = True
    try:
        sessions.note_use(found.session_id)
    except OperationalError as busy:
        log.warning("session use not noted", exc_info=busy)


def person() -> SignedIn | None:
    """The signed-in member of this request, or None. Asks the database once a request."""
    return current_user.signed_in if current_user.is_authenticated else None


def open_session(passed: Passed) -> None:
    """Sign in: nothing of the session before stays in it, so that one planted beforehand is worth nothing."""
    token = sessions.begin(passed.member_id, user_agent=request.user_agent.string, source=here())
    found = queries.signed_in(passed.member_id, token)
    assert found is not None and found.session_mark == passed.mark, "the member was let in a moment ago"
    session.clear()
    login_user(Person(found, token), remember=False)


def act_for(organisation_id: uuid.UUID, capacity: str) -> None:
    """From the next request on; whether the member may is asked there, each time."""
    session[ACTING_FOR] = f"{organisation_id}:{capacity}"


def go_on_with(mark: str) -> None:
    """This session survives its member's new mark; every other one has ended."""
    signed_in = person()
    assert signed_in is not None
    acting_for = session.get(ACTING_FOR)
    open_session(Passed(signed_in.member_id, mark, False))
    if acting_for:
        session[ACTING_FOR] = acting_for


def close_session() -> None:
    if current_user.is_authenticated:
        sessions.sign_out(current_user.token)
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
