"""Product listing > Publish: the checklist, who has the ball, the operator's feedback, and what may be asked for now."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.catalog import states
from app.catalog.listing_queries import evidence_now
from app.catalog.model import Product
from app.catalog.requests import request_pricing, request_publication, submit_evidence, withdraw_product
from app.foundation import tenancy, transitions
from app.web.checklist_page import missing_for, page_of_product
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.listing_pages import Confirm, address, decided, listing

screen = Blueprint("publish", __name__)


@screen.get("/products/<uuid:product_id>/publish")
@needs("product:edit", capacity="partner")
def show_checklist(product_id: uuid.UUID) -> Response:
    return show("listing/publish.html", **page_of_product(listing(product_id)))


def _decide(
    product_id: uuid.UUID,
    action: str,
    do: Callable[..., Product],
    words: Callable[[Product], dict[str, Any]],
) -> Response:
    product = listing(product_id)
    form = Confirm(version=product.version)
    there = address(product_id, "publish")
    if request.method == "GET" and action not in transitions.actions_from(states.TRANSITIONS, product.state):
        return go_to(there)
    said = words(product)
    if request.method == "GET" and (missing := missing_for(product, action)):
        said["sentence"] = _("There is still missing: %(what)s.", what=missing)
    return decided(
        form,
        lambda: do(product, version=form.seen_version or 0, by=tenancy.current()),
        lambda: _fresh(product_id),
        action=action,
        then=there,
        toast=said.pop("toast"),
        decision={"eyebrow": product.name, "action": request.path, "cancel": there, **said},
    )


def _fresh(product_id: uuid.UUID) -> Response:
    return show_fresh(
        address(product_id, "publish"), "listing/publish.html", stale=True, **page_of_product(listing(product_id))
    )


@screen.get("/products/<uuid:product_id>/publish/request-pricing", endpoint="ask_pricing")
@screen.post("/products/<uuid:product_id>/publish/request-pricing")
@needs("product:edit", capacity="partner")
def ask_for_pricing(product_id: uuid.UUID) -> Response:
    return _decide(
        product_id,
        states.REQUEST_PRICING,
        request_pricing,
        lambda product: {
            "title": _("Request pricing approval"),
            "sentence": _(
                "The operator reviews plans, metrics and prices. Until that is decided they stay as they are."
            ),
            "submit": _("Request approval"),
            "toast": _("Sent. The operator decides; you are mailed the answer."),
        },
    )


@screen.get("/products/<uuid:product_id>/publish/submit-evidence", endpoint="ask_evidence")
@screen.post("/products/<uuid:product_id>/publish/submit-evidence")
@needs("product:edit", capacity="partner")
def send_evidence(product_id: uuid.UUID) -> Response:
    return _decide(
        product_id,
        states.SUBMIT_EVIDENCE,
        submit_evidence,
        lambda product: {
            "title": _("Submit metering evidence"),
            "sentence": _(
                "The operator reviews the files that are uploaded now: %(files)s.",
                files=", ".join(one.file_name for one in evidence_now(product.id)) or _("none yet"),
            ),
            "submit": _("Submit evidence"),
            "toast": _("Sent. The operator decides; you are mailed the answer."),
        },
    )


@screen.get("/products/<uuid:product_id>/publish/request-publication", endpoint="ask_publication")
@screen.post("/products/<uuid:product_id>/publish/request-publication")
@needs("product:edit", capacity="partner")
def ask_for_publication(product_id: uuid.UUID) -> Response:
    return _decide(
        product_id,
        states.REQUEST_PUBLICATION,
        request_publication,
        lambda product: {
            "title": _("Request publication"),
            "sentence": _(
                "The operator reads the catalog entry as clients will. Until that is decided it stays as it is; approved, it is published at once."
            ),
            "submit": _("Request publication"),
            "toast": _("Sent. The operator decides; you are mailed the answer."),
        },
    )


@screen.get("/products/<uuid:product_id>/publish/withdraw", endpoint="ask_withdraw")
@screen.post("/products/<uuid:product_id>/publish/withdraw")
@needs("product:edit", capacity="partner")
def withdraw(product_id: uuid.UUID) -> Response:
    return _decide(
        product_id,
        states.WITHDRAW,
        withdraw_product,
        lambda product: {
            "title": _("Withdraw from the catalog"),
            "sentence": _(
                "Nobody can request %(name)s any more. Engagements that exist go on and are billed as before.",
                name=product.name,
            ),
            "submit": _("Withdraw from the catalog"),
            "kind": "danger",
            "toast": _("Withdrawn. You may request its publication again."),
        },
    )
