"""Past engagements of a product: Complete, Rejected, Withdrawn, Deleted. Nothing of them is ever lost."""

import uuid
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from app.catalog.queries import product_to_run
from app.engagements import states
from app.foundation import tenancy
from app.web.engagement_list import COLUMNS, read_list
from app.web.exports import download
from app.web.fragments import show
from app.web.guard import needs

screen = Blueprint("past_engagements", __name__)


@screen.get("/products/<uuid:product_id>/past-engagements")
@screen.get("/products/<uuid:product_id>/past-engagements.<any(csv, xlsx):kind>")
@needs("engagement:view")
def show_of_product(product_id: uuid.UUID, kind: str = "") -> Any:
    listed = read_list(default=states.PAST, offered=states.PAST, product_id=product_id)
    name = listed.product_name or product_to_run(product_id, tenancy.current()).name
    if kind:
        return download(kind, "past-engagements", COLUMNS, listed.every_row())
    current = f"/products/{product_id}/current-engagements"
    return show(
        "engagements/list.html",
        block="list",
        **listed.shown(),
        title=_("Past engagements"),
        crumbs=listed.crumbs(name),
        beside=(_("Current engagements"), current),
        empty_text=_(
            "Completed, rejected, withdrawn and deleted engagements move here with their history and billing entries."
        ),
        empty_action=(_("Current engagements"), current),
    )
