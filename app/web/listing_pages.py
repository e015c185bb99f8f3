"""What the screens of Product listing share: the product they are about, and how a form is saved or comes back."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response
from flask_babel import gettext as _

from app.catalog import states
from app.catalog.checklist import who_has_the_ball
from app.catalog.listing_queries import own_listing
from app.catalog.model import Product
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone, Refused
from app.web.fields import PortalForm
from app.web.fragments import go_to, show
from app.web.submissions import submit_once


def address(product_id: uuid.UUID, *parts: object) -> str:
    return "/".join(("/products", str(product_id), *map(str, parts)))


def listing(product_id: uuid.UUID) -> Product:
    """The viewer's own product with everything it lists, or NotVisible."""
    return own_listing(product_id, by=tenancy.current())


def shown(product: Product, section: str) -> dict[str, Any]:
    """What templates/listing/page.html takes."""
    here = address(product.id)
    tabs = (
        ("catalog-entry", _("Catalog entry")),
        ("pricing", _("Pricing")),
        ("support", _("Support")),
        ("publish", _("Publish")),
    )
    return {
        "product": product,
        "here": here,
        "section": section,
        "tabs": [
            {"label": label, "path": f"{here}/{key}", "current": True}
            if key == section
            else {"label": label, "path": f"{here}/{key}"}
            for key, label in tabs
        ],
        "entry_locked": product.state in states.ENTRY_UNDER_REVIEW,
        "pricing_locked": product.state == states.PRICING_REQUESTED,
        "ball": who_has_the_ball(product),
    }


def saved(
    form: PortalForm,
    do: Callable[[], Any],
    page: Callable[..., Response],
    *,
    product_id: uuid.UUID,
    action: str,
    then: str | Callable[[uuid.UUID], str],
    toast: str,
) -> Response:
    """Validate, do it once, go on; or the form's page again with what was typed: 422, or 409 when the product changed since.

    `page(status=..., stale=...)` draws the form anew. `then`: where to go, or a function of the resulting row's id.
    """
    stale = False
    if form.validate_on_submit():
        try:
            row_id, _first = submit_once(form, do, action=action)
            return go_to(then if isinstance(then, str) else then(row_id), toast=toast)
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            stale = True
            db.session.expire_all()
            form.version.data = str(listing(product_id).version)
    return page(status=409 if stale else form.status, stale=stale)


class Confirm(PortalForm):
    """Nothing to enter."""


def decided(
    form: PortalForm,
    do: Callable[[], Any],
    fresh: Callable[[], Response],
    *,
    action: str,
    then: str,
    toast: str,
    decision: dict[str, Any],
) -> Response:
    """A short decision as a dialog or a page of its own: ask on GET, act on POST; `fresh` answers a lost race with 409."""
    if form.validate_on_submit():
        try:
            submit_once(form, do, action=action)
            return go_to(then, toast=toast)
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return fresh()
    asked = {"form": form, "live": True, **decision}
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)
