"""History of an engagement: every event, who and when, from which state to which, and whether the chain holds."""

import uuid
from typing import Any

from flask import Blueprint

from app.web.engagement_header import engagement_header, tab_asked_for
from app.web.engagement_history import engagement_events, told
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("history", __name__)

LIST = ListOf()


@screen.get("/engagements/<uuid:engagement_id>/history")
@needs("engagement:view")
def show_history(engagement_id: uuid.UUID) -> Any:
    page = tab_asked_for(engagement_id)
    listing = LIST.read()
    found, holds = engagement_events(engagement_id, after=listing.after, before=listing.before)
    header = engagement_header(page, "history")
    return show(
        "engagements/history.html",
        block="events",
        **header,
        listing=listing.with_page(found),
        events=told(found.rows, amounts=header["sees_billing"]),
        chain_holds=holds,
    )
