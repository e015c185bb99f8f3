"""Where one is signed in, when one signed in, and what was changed about one's own account."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import ngettext

from app.foundation import tenancy
from app.foundation.tenancy import acting_for_all
from app.members import queries, sessions
from app.screens.account import PersonalForm
from app.web import chains
from app.web import sign_in as session_of
from app.web.exports import download
from app.web.fragments import go_to, show
from app.web.guard import signed_in
from app.web.listing import ListOf
from app.web.sign_in_words import COLUMNS, OUTCOMES

screen = Blueprint("own_sessions", __name__)

LIST = ListOf()


class End(PersonalForm):
    """Nothing to fill in."""


@screen.get("/account/sessions/<uuid:session_id>/end")
@signed_in
def ask_end(session_id: uuid.UUID) -> Any:
    return _end_page(End(), session_id)


@screen.post("/account/sessions/<uuid:session_id>/end")
@signed_in
def end(session_id: uuid.UUID) -> Any:
    """One's own only; ended already, or somebody else's: there is none."""
    person = session_of.person()
    assert person is not None
    if not End().validate_on_submit():
        return _end_page(End(), session_id)
    sessions.end(session_id, by=tenancy.current())
    if session_id == person.session_id:
        session_of.close_session()
        return go_to("/sign-in", toast=_("You are signed out."))
    return go_to("/account", toast=_("That session has ended."))


@screen.get("/account/sessions/end-others")
@signed_in
def ask_end_others() -> Any:
    return _end_others_page(End())


@screen.post("/account/sessions/end-others")
@signed_in
def end_others() -> Any:
    person = session_of.person()
    assert person is not None
    form = End()
    if not form.validate_on_submit():
        return _end_others_page(form)
    ended = sessions.end_others(person.session_id, by=tenancy.current())
    return go_to("/account", toast=ngettext("%(num)s other session ended.", "%(num)s other sessions ended.", ended))


@screen.get("/account/sign-ins")
@screen.get("/account/sign-ins.<any(csv, xlsx):kind>")
@signed_in
def show_sign_ins(kind: str = "") -> Any:
    person = session_of.person()
    assert person is not None
    if kind:
        return download(kind, "sign-ins", COLUMNS, queries.every_sign_in_of(person.email))
    listing = LIST.read()
    page = queries.sign_ins_of(person.email, after=listing.after, before=listing.before)
    return show(
        "account/sign_ins.html", block="list", listing=listing.with_page(page), rows=page.rows, outcomes=OUTCOMES
    )


@screen.get("/account/history")
@screen.get("/account/history.<any(csv, xlsx):kind>")
@signed_in
def show_history(kind: str = "") -> Any:
    """The own chain: no viewer sees it but the member it is about."""
    by = tenancy.current()
    assert by.member_id is not None
    listing = LIST.read()
    with acting_for_all("a member's own history"):
        if kind:
            return download(kind, "account-history", chains.COLUMNS, chains.every_event("member", by.member_id))
        page = chains.events_page("member", by.member_id, after=listing.after, before=listing.before)
    return show(
        "account/history.html",
        block="list",
        listing=listing.with_page(page),
        events=[chains.told(row) for row in page.rows],
        holds=chains.holds("member", by.member_id),
    )


def _end_page(form: End, session_id: uuid.UUID) -> Response:
    person = session_of.person()
    own = person is not None and person.session_id == session_id
    sentence = (
        _("It is this one: you are signed out here.")
        if own
        else _("That browser is signed out with the next page it asks for.")
    )
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("End this session"), "action": f"/account/sessions/{session_id}/end", "kind": "danger", "cancel": "/account",
            "submit": _("End the session"), "form": form, "live": True, "sentence": sentence,
        },
    )  # fmt: skip


def _end_others_page(form: End) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("End all other sessions"), "action": "/account/sessions/end-others", "kind": "danger", "cancel": "/account",
            "submit": _("End all others"), "form": form, "live": True,
            "sentence": _("You stay signed in here. Every other browser is signed out with the next page it asks for."),
        },
    )  # fmt: skip
