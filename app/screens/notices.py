"""Notices: what this member was told, newest first, with what is new on top of the mind; read when opened."""

import uuid
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation import tenancy
from app.notices import portal
from app.notices.preferences import types_for
from app.notices.types import TYPES
from app.web.filters import Choice
from app.web.fragments import go_to, show
from app.web.guard import signed_in
from app.web.listing import ListOf
from app.web.sign_in import same_site
from app.web.templating import translate

screen = Blueprint("notices", __name__)

HERE = "/notices"
READ = {"unread": _l("new ones only")}


@screen.get(HERE, endpoint="show")
@signed_in
def show_notices() -> Response:
    me = tenancy.current()
    types = {one.key: translate(one.label) for one in types_for(me) if one.in_portal}
    listing = ListOf(Choice("only", _l("Read"), READ), Choice("type", _l("About"), types)).read()
    page = portal.page_of_notices(
        listing.after, listing.before, unread_only=bool(listing.values["only"]), type_=listing.values["type"]
    )
    settings = current_app.config["SETTINGS"]
    rows = [
        {
            "id": row.id,
            "at": row.at,
            "new": row.read_at is None,
            "said": said.subject or translate(TYPES[row.type].label),
            "type": translate(TYPES[row.type].label),
            "more": row.more,
            "leads": bool(said.path),
        }
        for row, said in ((row, portal.said(row, settings)) for row in page.rows)
    ]
    return show(
        "notices/list.html",
        block="list",
        listing=listing.with_page(page),
        rows=rows,
        any_new=any(row["new"] for row in rows),
        tabs=[
            {"label": _("Waiting for me"), "path": "/inbox", "current": False},
            {"label": _("Notices"), "path": HERE, "current": True},
        ],
    )


@screen.post(f"{HERE}/<uuid:notice_id>/open")
@signed_in
def open_notice(notice_id: uuid.UUID) -> Any:
    """Read from now on; on to what it is about."""
    notice = portal.own_notice(notice_id)
    portal.mark_read([notice.id], by=tenancy.current())
    return go_to(same_site(portal.said(notice, current_app.config["SETTINGS"]).path or HERE))


@screen.post(f"{HERE}/read")
@signed_in
def mark_all_read() -> Any:
    portal.mark_read(by=tenancy.current())
    return go_to(same_site(request.form.get("back") or HERE), toast=_("All notices are marked as read."))
