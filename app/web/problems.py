"""What a program is told when it does not get what it asked for: problem+json (RFC 9457), for every path under /api.

`type` names the kind for programs, `title` and `detail` say it to people, `errors` name each field that was refused.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, request
from flask_babel import gettext as _

from app.foundation import tenancy
from app.web.logs import request_id

CONTENT_TYPE = "application/problem+json"
#: What `type` begins with.
KIND = "urn:partner-portal:problem:"
_KINDS = {
    400: "unreadable",
    401: "no-valid-key",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "refused",
    429: "too-many-requests",
    500: "our-mistake",
    503: "busy",
}
#: No answer repeats more of what was sent than this.
_MOST_ERRORS, _LONGEST = 200, 300


def wanted() -> bool:
    """Whether this request is answered in a program's words."""
    return request.path == "/api" or request.path.startswith("/api/")


def problem(code: int, title: str, detail: str, *, kind: str = "", **more: Any) -> Response:
    """`more`: further members, such as errors=[{"field": ..., "message": ...}] or permission="..."."""
    told = {
        "type": KIND + (kind or _KINDS.get(code, "other")),
        "status": code,
        "title": title,
        "detail": detail,
        "request_id": request_id(),
        **more,
    }
    return Response(json.dumps(told), code, content_type=CONTENT_TYPE)


def words(code: int, title: str, detail: str, besides: Mapping[str, Any]) -> tuple[str, str]:
    """Title and detail for a program, where those for people at a page would mislead."""
    who = tenancy.current().organisation_name or _("the public")
    said = {
        "unreadable": (_("The request could not be read"), _("Send UTF-8 and, where there is a body, valid JSON.")),
        "no-valid-key": (
            _("No valid API key"),
            _("Send Authorization: Bearer and a key that is neither expired nor revoked. A session does not count here."),
        ),
        "not-allowed": (_("The key may not do this"), _("This is not for the capacity that the key acts in.")),
        "missing-permission": (
            _("The key may not do this"),
            _("It takes the permission %(permission)s.", permission=besides.get("permission", "")),
        ),
        "not-found": (_("Not found"), _("There is nothing at this address for %(who)s.", who=who)),
        "method-not-allowed": (_("Method not allowed"), _("The header Allow says what this address is used with.")),
        "already-done": (
            _("Not in this state"),
            _("It is %(state)s now, where this cannot be done, or it changed meanwhile.", state=besides.get("state", "")),
        ),
        "key-reused": (
            _("This Idempotency-Key was used before"),
            _("It came with another body then, and the first one counts. Take a new key for something else."),
        ),
        "too-large": (_("That is too large"), _("The body is larger than the portal takes. Nothing was changed.")),
        "unsupported-media-type": (_("Not JSON"), _("Send the body with Content-Type: application/json.")),
        "refused": (_("That is not possible"), detail or _("See errors for what was refused. Nothing was changed.")),
        "too-many-requests": (
            _("Too many requests"),
            _("Ask again after as many seconds as the header Retry-After says."),
        ),
        "busy": (
            _("The portal is busy"),
            _("Send it again after as many seconds as the header Retry-After says; with the same Idempotency-Key it is done once."),
        ),
    }  # fmt: skip
    title, detail = said.get(besides.get("kind") or _KINDS.get(code, ""), (title, detail))
    return str(title), str(detail)


def errors_of(messages: Any) -> list[dict[str, str]]:
    """What marshmallow says of a body or of parameters, flat: [{"field": "records.3.quantity", "message": "..."}]."""
    found: list[dict[str, str]] = []
    for field, message in _flat(messages, ()):
        if len(found) == _MOST_ERRORS:
            break
        found.append({"field": ".".join(field)[:_LONGEST], "message": message[:_LONGEST]})
    return found


def _flat(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, Mapping):
        for name, inside in messages.items():
            skipped = name == "_schema" or (not path and name in ("json", "query"))
            # a place of its own for "the whole body", without the name of where it was found
            yield from _flat(inside, path if name == "_schema" else ("",) if skipped else (*path, str(name)))
    elif isinstance(messages, list | tuple):
        for message in messages:
            yield from _flat(message, path)
    else:
        yield tuple(part for part in path if part), str(messages)
