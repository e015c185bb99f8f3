"""Current engagements: Pending, Active, Completion requested; of one product, or of all."""

import uuid
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from app.catalog.queries import product_to_run
from app.engagements import states
from app.foundation import tenancy
from app.web.engagement_list import COLUMNS, EVERY, read_list
from app.web.exports import download
from app.web.fragments import show
from app.web.guard import needs

screen = Blueprint("current_engagements", __name__)


@screen.get("/engagements")
@screen.get("/engagements.<any(csv, xlsx):kind>")
@needs("engagement:view")
def show_all(kind: str = "") -> Any:
    """Every product's. The current ones unless the Status filter says otherwise."""
    listed = read_list(default=states.CURRENT, offered=(*states.CURRENT, *states.PAST))
    if kind:
        return download(kind, "engagements", COLUMNS, listed.every_row())
    partner = tenancy.current().capacity == "partner"
    return show(
        "engagements/list.html",
        block="list",
        **listed.shown(),
        title=_("Past engagements")
        if listed.asks_past
        else _("Engagements")
        if listed.listing.values["status"] == EVERY
        else _("Current engagements"),
        crumbs=[(_("Home"), "/")],
        beside=None,
        bulk=listed.bulk_entry(),
        empty_text=_(
            "A client requests one from the catalog; it appears here and is mailed to the product's request address."
        ),
        empty_action=(_("See your products"), "/products") if partner else None,
    )


@screen.get("/products/<uuid:product_id>/current-engagements")
@screen.get("/products/<uuid:product_id>/current-engagements.<any(csv, xlsx):kind>")
@needs("engagement:view")
def show_of_product(product_id: uuid.UUID, kind: str = "") -> Any:
    listed = read_list(default=states.CURRENT, offered=states.CURRENT, product_id=product_id)
    # Rows prove that the product is this viewer's; without any it is asked for, and not there for others.
    name = listed.product_name or product_to_run(product_id, tenancy.current()).name
    if kind:
        return download(kind, "current-engagements", COLUMNS, listed.every_row())
    past = f"/products/{product_id}/past-engagements"
    return show(
        "engagements/list.html",
        block="list",
        **listed.shown(),
        title=_("Current engagements"),
        crumbs=listed.crumbs(name),
        beside=(_("Past engagements"), past),
        bulk=listed.bulk_entry(product_id),
        empty_text=_(
            "A client requests one from the catalog; it appears here and is mailed to the product's request address."
        ),
        empty_action=(_("Past engagements"), past),
    )
