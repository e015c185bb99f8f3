"""Mail on its way: every notice that waits to be sent or was given up; to whom, since when, and why it waits."""

from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.documents import Column
from app.foundation.database import streamed
from app.foundation.failed_rows import VIEW
from app.foundation.pages import page_of
from app.foundation.tenancy import acting_for_all
from app.notices import on_its_way
from app.notices.on_its_way import GIVEN_UP, LIST_KEYS, PUT_OFF, WAITING, WATCHING, state_of
from app.web.exports import download
from app.web.filters import Choice
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.mail_words import mail_goes_out
from app.web.operations_tabs import HERE, tabs

screen = Blueprint("operations_outbox", __name__)

PATH = f"{HERE}/outbox"
STATES = {WAITING: _l("Waiting"), PUT_OFF: _l("Put off"), GIVEN_UP: _l("Given up")}
TAGS = {WAITING: "waiting", PUT_OFF: "error", GIVEN_UP: "cancelled"}
LIST = ListOf(Choice("state", _l("Status"), STATES))
COLUMNS = (
    Column(_l("Notice"), "about"),
    Column(_l("To"), "party"),
    Column(_l("Status"), lambda row: str(STATES[state_of(row)])),
    Column(_l("Waiting since (UTC)"), "since"),
    Column(_l("Reason"), "reason"),
    Column(_l("Tries"), "tries"),
    Column(_l("Tried again at (UTC)"), "next_try_at"),
)


@screen.get(PATH)
@screen.get(f"{PATH}.<any(csv, xlsx):kind>")
@needs(VIEW, capacity="operator")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    found = on_its_way.notices_on_their_way(listing.values["state"])
    with acting_for_all(WATCHING):
        if kind:
            return download(kind, "mail-on-its-way", COLUMNS, streamed(found.order_by(*LIST_KEYS)))
        page = page_of(found, LIST_KEYS, after=listing.after, before=listing.before, oldest_first=True)
    return show(
        "operator/outbox.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        shown=[_shown(row) for row in page.rows],
        mail_goes_out=mail_goes_out(),
        tabs=tabs("outbox"),
    )


def _shown(row: Any) -> dict[str, Any]:
    state = state_of(row)
    why = row.reason
    if not why and state == WAITING:
        why = _("it is sent within seconds") if mail_goes_out() else _("no mail server is set")
    return {"row": row, "tag": TAGS[state], "label": STATES[state], "why": why, "about": row.about.capitalize()}
