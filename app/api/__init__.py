"""/api/v1: what partners and customers do on the screens, as JSON, by the same actions and queries.

The specification (OpenAPI 3.1) is written from the operations' declarations and served at /api/openapi.json; /api/docs shows it
to people. Programs come with a key (app/web/bearer.py) and are answered in problem+json when something is refused.
"""

from http import HTTPStatus
from importlib import import_module
from typing import Any

from flask import Flask
from flask_smorest import Api as SmorestApi
from flask_smorest.spec import prepare_response

from app.api.fields import (
    Cursor,
    Day,
    File,
    Given,
    Id,
    Instant,
    Limit,
    Month,
    Phone,
    Quantity,
    Signed,
    Version,
    described,
)
from app.api.operations import ALWAYS, CONTENT_TYPE, WHEN_WRITING, Operations
from app.api.schemas import Problem
from app.notices.webhook_events import EVENTS, Told
from app.web import bearer, csrf

#: Each holds one set of operations named `operations`, in the order of the documentation.
RESOURCES = (
    "engagements", "billing_entries", "previews", "corrections", "months", "products", "catalog_entries", "pricing",
    "price_changes", "evidence", "publication", "product_tests", "catalog", "charges", "inbox", "notices", "members",
    "csp_accounts", "csp_runs", "csp_customers", "csp_billing",
)  # fmt: skip
VERSION = "1.0.0"
_DESCRIPTION = """Every request carries `Authorization: Bearer <key>`; an organisation admin makes keys under API keys.

Amounts are `{"amount": "12.34", "currency": "USD"}`, quantities are text, instants RFC 3339 in UTC, months `YYYY-MM`. Lists are
pages: pass `next_cursor` back as `?cursor=` until it is null. What is not yours does not exist: 404."""


class Api(SmorestApi):
    """flask-smorest, with our way of saying no in place of its own."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def take(self, operations: Operations) -> None:
        """Put a resource in place and into the specification, under the name that people read."""
        self._app.register_blueprint(operations, url_prefix=bearer.PATH)
        operations.register_views_in_doc(self, self._app, self.spec, name=operations.name, parameters=None)
        self.spec.tag({"name": operations.title, "description": operations.description})

    def _register_error_handlers(self) -> None:
        """web/errors.py answers every refusal, for pages and programs alike."""

    def _register_responses(self) -> None:
        for code, name in {**ALWAYS, **WHEN_WRITING}.items():
            response: dict[str, Any] = {"description": HTTPStatus(code).phrase, "schema": Problem}
            prepare_response(response, self.spec, CONTENT_TYPE)
            self.spec.components.response(name, response, lazy=True)


def install(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    api = Api(
        app,
        spec_kwargs={
            "title": f"{settings.portal_name} API",
            "version": VERSION,
            "openapi_version": "3.1.0",
            "info": {"description": _DESCRIPTION},
            "servers": [{"url": "/"}],
            "security": [{"key": []}],
            "webhooks": {told.type: _told(told) for told in EVENTS.values()},
        },
    )
    for field in (Cursor, Day, File, Given, Id, Instant, Limit, Month, Phone, Quantity, Signed, Version):
        api.register_field(field, "string", None)
    api.ma_plugin.converter.add_attribute_function(lambda _converter, field, **_kwargs: described(field))
    # a parameter without a value was not given: operations.Parser
    api.ma_plugin.converter.add_parameter_attribute_function(lambda *_rest, **_more: {"allowEmptyValue": True})
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    for name in RESOURCES:
        operations = import_module(f"app.api.{name}").operations
        csrf.protect.exempt(operations)
        api.take(operations)
    app.register_blueprint(import_module("app.api.docs").screen)


#: What a fact may be.
_FACT = {"type": ["string", "integer", "null"]}


def _told(told: Told) -> dict[str, Any]:
    """One message that endpoints are sent, for the specification."""
    names = sorted({*(told.partner or ()), *(told.customer or ()), "status", told.subject, told.about})
    content = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": told.type},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "properties": dict.fromkeys(names, _FACT)},
        },
    }
    body = {"required": True, "content": {"application/json": {"schema": content}}}
    return {"post": {"summary": told.sentence, "requestBody": body, "responses": {"2XX": {"description": "Taken"}}}}
