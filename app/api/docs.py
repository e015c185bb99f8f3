"""The specification, for machines at /api/openapi.json and for people at /api/docs: our own page, no script, nothing from elsewhere."""

import json
from typing import Any

from flask import Blueprint, Response, current_app
from flask_smorest import Api

from app.api.reference import sections_of
from app.notices.webhook_events import EVENTS
from app.web.fragments import show
from app.web.guard import public

screen = Blueprint("api_docs", __name__)


@screen.get("/api/openapi.json")
@public
def specification() -> Response:
    return Response(json.dumps(_specification(), indent=1), content_type="application/json")


@screen.get("/api/docs")
@public
def reference() -> Response:
    spec = _specification()
    return show(
        "api/docs.html", sections=sections_of(spec), info=spec["info"], root=_root(), told=list(EVENTS.values())
    )


def _specification() -> dict[str, Any]:
    """As the operations declare it: worked out once, it never changes while the portal runs."""
    kept: dict[str, Any] | None = current_app.extensions.get("api_specification")
    if kept is None:
        api: Api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        kept = current_app.extensions["api_specification"] = api.spec.to_dict()
    return kept


def _root() -> str:
    address: str = current_app.config["SETTINGS"].portal_url
    return address
