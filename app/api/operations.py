"""One way to declare an operation of the API: who may, what it takes, what it gives, and every way it says no.

    @operations.get("/engagements", needs={"partner": "engagement:view", "customer": "engagement:view-own"},
                    query=EngagementFilters, gives=page_of(Engagement))
    def list_engagements(query): ...

The specification is written from these declarations, so that it cannot say otherwise than the code. A view returns plain
values; the schema writes them, and leaves out whatever it does not know.
"""

import json
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import RAISE, Schema
from webargs import missing
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.foundation import idempotency, tenancy
from app.foundation.database import transaction
from app.foundation.refusals import Refused
from app.foundation.text import N_
from app.web.guard import needs_by_capacity
from app.web.problems import CONTENT_TYPE

#: What every operation may answer besides what it gives, by name in the specification's components.
ALWAYS = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    422: "UNPROCESSABLE_ENTITY",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
WHEN_WRITING = {409: "CONFLICT", 413: "REQUEST_ENTITY_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
KEY_HEADER = "Idempotency-Key"
_KEY_PARAMETER = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "Yours, anew for each thing to be done: sent again with it, the same is answered and nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}
View = Callable[..., Any]


class Parser(FlaskParser):
    """Reads JSON as hostile input: any depth, any number, any bytes end in 400, never in a 500."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE, "json": RAISE}

    def load_querystring(self, req: Any, schema: Schema) -> Any:
        """A parameter without a value is one that was not given: ?month=2026-10&status="""
        given = MultiDict([(name, value) for name, value in req.args.items(multi=True) if value != ""])
        return self._makeproxy(given, schema)

    def load_json(self, req: Any, schema: Schema) -> Any:
        raw = req.get_data(cache=True)
        if not raw:
            return missing
        if req.mimetype != "application/json":
            raise UnsupportedMediaType
        try:
            return json.loads(raw.decode("utf-8"), parse_constant=_no_such_number)
        except (ValueError, RecursionError) as wrong:
            raise BadRequest from wrong


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class Operations(SmorestBlueprint):
    """One resource's operations; `title` names it in the documentation."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, title: str, import_name: str, *, description: str) -> None:
        super().__init__(f"api_{title.replace(' ', '_')}", import_name, description=description)
        self.title = title

    def get(self, rule: str, *, needs: dict[str, str], gives: type[Schema], query: type[Schema] | None = None) -> Any:
        return self._operation("GET", rule, gives, 200, query, None, needs)

    def post(
        self, rule: str, *, gives: type[Schema], needs: dict[str, str], takes: type[Schema], status: int = 200
    ) -> Any:
        return self._operation("POST", rule, gives, status, None, takes, needs)

    def delete(self, rule: str, *, gives: type[Schema], needs: dict[str, str], status: int = 200) -> Any:
        return self._operation("DELETE", rule, gives, status, None, None, needs)

    def _operation(
        self, method: str, rule: str, gives: type[Schema], status: int,
        query: type[Schema] | None, takes: type[Schema] | None, needed: dict[str, str],
    ) -> Callable[[View], View]:  # fmt: skip
        writes = method != "GET"

        def declare(view: View) -> View:
            view = needs_by_capacity(**needed)(view)
            view = self.response(status, gives)(view)
            if query is not None:
                view = self.arguments(query, location="query")(view)
            if takes is not None:
                required = any(field.required for field in takes().fields.values())
                view = self.arguments(takes, location="json", required=required)(view)
            for code, name in {**ALWAYS, **(WHEN_WRITING if writes else {})}.items():
                view = self.alt_response(code, name)(view)
            more: dict[str, Any] = {"x-permissions": needed, "operationId": view.__name__}
            if writes:
                more["parameters"] = [_KEY_PARAMETER]
            view = self.doc(**more)(view)
            self.add_url_rule(rule, None, view, methods=[method], tags=[self.title])
            return view

        return declare


def once(body: dict[str, Any], do: Callable[[], Any]) -> uuid.UUID:
    """Do it, once a Idempotency-Key where one was sent. Returns the id of the row that came out, now or the first time.

    KeyReused when the key came before with another body or to another address: 409.
    """
    key = sent_key()
    if key is None:
        with transaction():  # what it reads under a lock is still so when it writes
            row_id: uuid.UUID = do().id
            return row_id
    return idempotency.once(key, content(body), do, by=tenancy.current())[0]


def once_answered(body: dict[str, Any], gives: type[Schema], do: Callable[[], Any], *, whole: bool = False) -> Any:
    """The same for work that is answered by more than one row: a repeat with the same key is answered word for word.

    The key is taken for this body before the work, and the answer kept after it; the work therefore has to be harmless when
    it is done twice. What is refused as a whole leaves the key unspent. `whole`: the work is one transaction, which then keeps
    its answer too.
    """
    key, by = sent_key(), tenancy.current()
    if key is None:
        return do()
    kept = idempotency.claim(key, content(body), by=by)
    if kept is None:
        try:
            with transaction() if whole else nullcontext():
                told = json.dumps(gives().dump(do()))
                kept = idempotency.keep_answer(key, told, by=by)
        except Exception:
            idempotency.release(key, by=by)
            raise
    return Response(kept, content_type="application/json")


def sent_key() -> str | None:
    """The header as submissions keep it, apart from the forms' own keys and from the organisation's other capacity."""
    sent = request.headers.get(KEY_HEADER)
    if sent is None:
        return None
    if not (1 <= len(sent) <= 200 and all("\x21" <= letter <= "\x7e" for letter in sent)):
        raise Refused(KEY_HEADER, N_("1 to 200 visible ASCII characters."))
    return idempotency.outside_key(f"{tenancy.current().capacity}:{sent}")


def content(body: dict[str, Any]) -> dict[str, Any]:
    """What a repeat is compared with."""
    return {"method": request.method, "path": request.path, "body": body}


__all__ = ["CONTENT_TYPE", "Operations", "content", "once", "once_answered", "sent_key"]
