"""Every way of saying no, and its answer: a page in the shell that says what happened and what to do next.

| raised                                   | answer                                                              |
| ---                                      | ---                                                                 |
| Refused, not put on a form               | 422 with its sentence                                               |
| AlreadyDone, KeyReused, WrongOrganisation| 409                                                                 |
| NotVisible, BadCursor, no such address   | 404, whether the row exists or not                                  |
| MissingRole, Forbidden                   | 403, naming the roles it takes                                      |
| CSRFError / SessionEnded                 | 400 / 401 that carry what was typed, to be sent again               |
| database away or busy                    | 503                                                                 |
| anything else                            | 500 with the request's id                                           |

An htmx request gets the same words as a toast (header HX-Trigger) and nothing of its page is swapped; paths under /api
get problem+json (problems.py). A page that cannot be drawn becomes plain HTML: an error page never raises again.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, NotFound

from app.foundation.database import db
from app.foundation.pages import BadCursor
from app.foundation.refusals import AlreadyDone, KeyReused, MissingRole, NotVisible, Refused
from app.members.roles import GRANTS, ROLES
from app.web import problems
from app.web.csrf import came_from_here
from app.web.fragments import show, wants_fragment
from app.web.logs import request_id
from app.web.shell import capacity_words
from app.web.submissions import WrongOrganisation
from app.web.templating import translate, viewer

log = structlog.get_logger("web")
#: a database that was restarted answers again within so long
BACK_AFTER_SECONDS = 5
#: Never written into a page: what opens a door.
_SECRET = re.compile(r".*(password|passphrase|token|secret).*|code|otp")


class SessionEnded(Exception):
    """A form came in and nobody is signed in any more: 401 that keeps what was typed."""


@dataclass(frozen=True)
class Answer:
    code: int
    title: str
    #: what happened
    text: str = ""
    #: what to do next
    next: str = ""
    action_label: str | None = None
    action_path: str | None = None
    #: the form's own fields, to be sent again from the page
    again: tuple[tuple[str, str], ...] = ()
    #: what a program is told besides, in problem+json
    besides: dict[str, Any] = field(default_factory=dict)


def install(app: Flask) -> None:
    for kind, answer in _ANSWERS.items():
        app.register_error_handler(kind, _answering(answer))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InternalServerError, _broken)
    app.before_request(_refuse_broken_addresses)  # when the viewer is known, so that the page has their shell


def _refuse_broken_addresses() -> None:
    """NUL, half characters and bytes that are no UTF-8 reach no query: databases and file systems choke on them."""
    path = request.path
    if "\x00" in path or "\ufffd" in path:
        raise NotFound
    for name, value in request.args.items(multi=True):
        if "\x00" in name or "\x00" in value:
            raise BadRequest


def _answering(answer: Any) -> Any:
    def respond(error: Any) -> Response:
        return page(answer(error))

    return respond


def session_ended() -> Response:
    """For the guard: a POST of somebody who is not signed in (any more)."""
    return page(_session_ended(SessionEnded()))


def _refused(no: Refused) -> Answer:
    return Answer(
        422, _("That is not possible"), translate(no), _("Nothing was changed. Go back, correct it and send it again."),
        besides={"errors": [{"field": no.field, "message": translate(no)}]},
    )  # fmt: skip


def _already_done(no: AlreadyDone) -> Answer:
    return Answer(
        409, _("Somebody was faster"), _("It has changed since this page was opened, so this can no longer be done."),
        _("Nothing was changed by you. Reload the page to see how it stands now."), _("Show how it stands"), _here(),
        besides={"kind": "already-done", "state": no.state},
    )  # fmt: skip


def _key_reused(_no: KeyReused) -> Answer:
    return Answer(
        409, _("This form was already sent"), _("It was sent before with other entries; the first ones count."),
        _("To enter something else, open the form anew."), _("Open the form anew"), _here(),
        besides={"kind": "key-reused"},
    )  # fmt: skip


def _wrong_organisation(no: WrongOrganisation) -> Answer:
    here = viewer()
    theirs, now = "", here.organisation_name
    title = _("You act for another organisation now")
    if choice := _choice_named(no.rendered_for):
        theirs = choice.organisation_name
        if choice.organisation_id == here.organisation_id:
            title = _("You act in another capacity now")
            theirs, now = f"{theirs} {capacity_words(choice.capacity)}", f"{now} {capacity_words(here.capacity)}"
    text = _(
        "This form was opened for %(then)s; you now act for %(now)s. Nothing was changed.",
        then=theirs or _("another organisation"),
        now=now,
    )
    then = (
        _("Switch back to %(then)s in another tab, then come back here and send it again.", then=theirs)
        if theirs
        else ""
    )
    return Answer(
        409, title, text, then or _("Open the form anew for %(now)s.", now=now),
        _("Switch in another tab") if theirs else _("Open the form anew"), "/" if theirs else _here(), _typed() if theirs else (),
    )  # fmt: skip


def _not_found(_no: Any) -> Answer:
    text = (
        _("There is nothing at this address for %(who)s.", who=viewer().organisation_name)
        if viewer().organisation_name
        else _("There is nothing at this address.")
    )
    return Answer(
        404,
        _("Not found"),
        text,
        _("It may have been removed, or it belongs to another organisation: switch to that one and try again."),
    )


def _bad_cursor(_no: BadCursor) -> Answer:
    return Answer(
        404, _("This part of the list is not there"), _("The address names a place in the list that does not exist."),
        _("Begin at its first page."), _("Show the first page"), request.path,
    )  # fmt: skip


def _missing_role(no: MissingRole) -> Answer:
    needed = GRANTS.get((no.permission, viewer().capacity), frozenset())
    roles = [_(role.label) for key, role in ROLES.items() if key in needed]  # in the table's order
    text = _("This takes: %(roles)s.", roles=", ".join(roles)) if roles else _("Your roles do not cover this.")
    return Answer(
        403,
        _("You may not do this"),
        text,
        _("Ask an organisation admin for it, or switch to an organisation where you have it."),
        besides={"kind": "missing-permission", "permission": no.permission},
    )


def _session_ended(_no: SessionEnded) -> Answer:
    return Answer(
        401, _("Your session has ended"), _("Nothing was saved. What you entered is kept on this page."),
        _("Sign in again in another tab, then come back here and send it again."), _("Sign in"), "/sign-in", _typed(),
    )  # fmt: skip


def _csrf(no: CSRFError) -> Answer:
    log.warning("csrf refused", why=no.description)
    if not came_from_here():
        # Offering to send it again would let another site put words into our page.
        return Answer(
            400, _("This form could not be checked"), _("It did not come from a page of this portal that is still valid. Nothing was changed."),
            _("Open the page again, reload it and send the form from there."),
        )  # fmt: skip
    return Answer(
        400, _("This form is out of date"), _("The portal could not tell that it comes from you. Nothing was changed, and what you entered is kept on this page."),
        _("If you are signed out, open sign-in in another tab and sign in; then send it again here."), _("Sign in"), "/sign-in", _typed(),
    )  # fmt: skip


def _away(error: OperationalError) -> Answer:
    """A database that cannot be reached is one line in the log, for there will be one a request; and its page asks for nothing."""
    if error.connection_invalidated or error.statement is None:
        g.database_away = True
        log.error("database away", why=" ".join(str(error.orig).split())[:500])
    else:
        log.error("database away", exc_info=error)
    again = (_("Try again"), _here()) if request.method == "GET" else (None, None)
    return Answer(
        503,
        _("The portal is busy"),
        # not "Nothing was changed": the answer to a commit may be what was lost
        _("The database did not answer in time."),
        _("Wait a moment and send it again: what was done already is not done twice."),
        *again,
    )


_ANSWERS: dict[type[Exception], Any] = {
    Refused: _refused,
    AlreadyDone: _already_done,
    KeyReused: _key_reused,
    WrongOrganisation: _wrong_organisation,
    NotVisible: _not_found,
    BadCursor: _bad_cursor,
    MissingRole: _missing_role,
    SessionEnded: _session_ended,
    CSRFError: _csrf,
    OperationalError: _away,
}


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400 or error.response is not None:
        return error
    words = {
        400: (_("The request could not be read"), _("Something in the address or in the form is damaged."), _("Reload the page and try again.")),
        401: (_("Please sign in"), _("This page is for members."), _("Sign in and open it again.")),
        403: (_("You may not open this"), _("This page is not for the organisation and the roles you act with."), _("Switch to an organisation where you have access, or ask an organisation admin.")),
        405: (_("That does not work here"), _("This address cannot be used in that way. Nothing was changed."), _("Go back and use the buttons on the page.")),
        413: (_("That is too large"), _("What was sent is larger than the portal takes. Nothing was changed."), _("Shorten the text or choose a smaller file, and send it again.")),
        429: (_("Too many requests"), _("There were too many requests in a short time. Nothing was changed."), _("Wait a moment and try again.")),
    }  # fmt: skip
    if error.code == 404:
        answer = _not_found(error)
    else:
        title, text, then = words.get(
            error.code,
            (_("That did not work"), _("Nothing was changed."), _("Go back, reload the page and try again.")),
        )
        said = getattr(error, "data", None)  # what the API's parser found wrong with a body or with parameters
        besides = {"errors": problems.errors_of(said["messages"])} if said and "messages" in said else {}
        answer = Answer(error.code, title, text, then, besides=besides)
    response = page(answer)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _broken(error: InternalServerError) -> Response:
    log.error("request failed", exc_info=error.original_exception or error)
    return page(
        Answer(
            500,
            _("Something went wrong"),
            _("The portal made a mistake and noted it."),
            _("Try again. If it happens again, tell the operator the request's number below."),
        )
    )


def page(answer: Answer) -> Response:
    """The answer as this request can take it: problem+json, toast and fragment, or a page. Never raises."""
    try:
        db.session.rollback()  # a statement that failed must not take the page's own reads down with it
        response = _as_asked(answer)
    except Exception as again:
        log.error("error page failed", exc_info=again, code=answer.code)
        response = make_response(_plain(answer), answer.code)
    response.headers["Cache-Control"] = "no-store"
    if answer.code == 503:
        response.headers["Retry-After"] = str(BACK_AFTER_SECONDS)
    return response


def _as_asked(answer: Answer) -> Response:
    if problems.wanted():
        words = problems.words(answer.code, answer.title, answer.text, answer.besides)
        return problems.problem(answer.code, *words, **answer.besides)
    said = {**vars(answer), "request_id": request_id() if answer.code >= 500 else ""}
    said.pop("besides")
    told = {name: value for name, value in said.items() if value}
    if wants_fragment():
        response = show("errors/error.html", block="content", status=answer.code, **told)
        number = f" ({request_id()})" if answer.code >= 500 else ""
        toast = {"kind": "blocked", "title": answer.title, "text": f"{answer.text} {answer.next}{number}".strip()}
        response.headers["HX-Trigger"] = json.dumps({"toast": toast})
        response.headers["HX-Reswap"] = "none"  # what was typed stays where it is
        return response
    return make_response(
        render_template("errors/send_again.html" if answer.again else "errors/error.html", **told), answer.code
    )


def _plain(answer: Answer) -> str:
    number = f"<p>Request {escape(request_id())}</p>" if answer.code >= 500 else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(answer.title)}</title></head><body>'
        f'<h1>{escape(answer.title)}</h1><p>{escape(answer.text)}</p><p>{escape(answer.next)}</p>{number}<p><a href="/">Home</a></p></body></html>'
    )


def _typed() -> tuple[tuple[str, str], ...]:
    """What was entered, without what opens doors and without the token, which the page makes anew."""
    if request.method != "POST" or request.files:
        return ()
    return tuple((name, value) for name, value in request.form.items(multi=True) if not _SECRET.fullmatch(name.lower()))


def _here() -> str:
    """Where this was asked for; for a POST the page it came from, if that is one of ours."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    sent_from = request.referrer or ""
    return (
        sent_from.removeprefix(request.host_url.rstrip("/")) if sent_from.startswith(request.host_url) else request.path
    )


def _choice_named(key: str) -> Any:
    """The organisation and capacity, if the member may act so; of others nothing is told."""
    return next((choice for choice in g.get("memberships", ()) if choice.key == key), None)
