"""History of an engagement: every event, who and when, from which state to which, and whether the chain holds."""

import uuid
from typing import Any

from flask import Blueprint

from app.billing.engagement_figures import history_tab
from app.foundation.history_shown import place_of
from app.web.engagement_header import also_a_test, engagement_header
from app.web.engagement_history import told
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("history", __name__)

LIST = ListOf()


@screen.get("/engagements/<uuid:engagement_id>/history")
@needs("engagement:view")
def show_history(engagement_id: uuid.UUID) -> Any:
    listing = LIST.read()
    place = place_of(after=listing.after, before=listing.before)
    page, (found, holds) = also_a_test(lambda: history_tab(engagement_id, place))
    header = engagement_header(page, "history")
    return show(
        "engagements/history.html",
        block="events",
        **header,
        listing=listing.with_page(found),
        events=told(found.rows, amounts=header["sees_billing"]),
        chain_holds=holds,
    )
