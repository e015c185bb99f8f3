"""The history of the organisation acted for: who joined and left, which roles changed, what it required when."""

import uuid
from typing import Any, cast

from flask import Blueprint

from app.foundation import tenancy
from app.web import chains
from app.web.exports import download
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("organisation_history", __name__)

LIST = ListOf()


@screen.get("/members/history", endpoint="show")
@screen.get("/members/history.<any(csv, xlsx):kind>", endpoint="show")
@needs("member:view")
def show_history(kind: str = "") -> Any:
    own_id = cast(uuid.UUID, tenancy.current().organisation_id)
    if kind:
        return download(kind, "organisation-history", chains.COLUMNS, chains.every_event("organisation", own_id))
    listing = LIST.read()
    page = chains.events_page("organisation", own_id, after=listing.after, before=listing.before)
    return show(
        "organisation/history.html",
        block="list",
        listing=listing.with_page(page),
        events=[chains.told(row) for row in page.rows],
        holds=chains.holds("organisation", own_id),
    )
