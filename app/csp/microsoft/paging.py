"""From page to page: what a collection's `links.next` asks for, kept as a cursor that outlives the process.

Absent means the last page, and nothing else does: neither totalCount nor a full page. A link may begin with /v1 or not and hold a second
question mark; a continuation token goes into its header, as it was sent, and never into the address.
"""

import hashlib
import re
from collections.abc import Mapping
from string import punctuation
from typing import Any
from urllib.parse import quote, urlencode

from app.csp.microsoft.bases import Elsewhere, on_host
from app.csp.microsoft.decoding import Fields, Garbled, json_of, objects
from app.csp.microsoft.records import Refused

TOKEN = "MS-ContinuationToken"  # noqa: S105  # a header's name
VERSION = "/v1"
_SEEKS = re.compile(r"[?&]seekOperation=", re.I)


class Collection:
    """One answer of a collection: its items as sent, and what asks for the next ones."""

    def __init__(self, body: bytes) -> None:
        sent = json_of(body)
        if not isinstance(sent, dict):
            raise Garbled("a collection was expected")
        by_name = {name.lower(): value for name, value in sent.items()}
        self.items = objects(by_name.get("items"))
        links = Fields(by_name["links"]) if isinstance(by_name.get("links"), dict) else Fields()
        link = links.within("next")
        uri = link.get("uri")
        self.uri = uri if isinstance(uri, str) and uri.strip() else None
        self.headers = [
            (header["key"], header["value"])
            for header in link.several("headers")
            if isinstance(header.get("key"), str) and isinstance(header.get("value"), str)
        ]
        token = by_name.get("continuationtoken")
        if self.uri and isinstance(token, str) and token and TOKEN.lower() not in {n.lower() for n, _ in self.headers}:
            self.headers.append((TOKEN, token))


def first(path: str, **query: Any) -> dict[str, Any]:
    """The cursor of a collection's first page."""
    return {"uri": f"{path}?{urlencode(query)}" if query else path, "headers": [], "seen": []}


def following(cursor: Mapping[str, Any], page: Collection, api: str) -> dict[str, Any] | None:
    """The cursor after `cursor`, whose answer this page is; None after the last. Refused where a link leads off or in a circle."""
    if page.uri is None:
        return None
    try:
        uri = on_host(api, page.uri)
    except Elsewhere as link:
        raise Refused(200, "foreign_link", f"The next page's link leads to another host: {str(link)[:200]}") from link
    seeks = any(name.lower() == TOKEN.lower() for name, _value in page.headers)
    if not seeks and not page.items:
        return None  # index paging: the empty page after a full last one
    if seeks and not _SEEKS.search(uri):
        uri += ("&" if "?" in uri else "?") + "seekOperation=Next"
    mark = _mark(uri, page.headers)
    seen = [*(cursor.get("seen") or [_mark(str(cursor["uri"]), [])]), mark]
    if mark in seen[:-1]:
        raise Refused(200, "circle", f"The next page's link was followed before: {uri[:200]}")
    return {**cursor, "uri": uri, "headers": [list(header) for header in page.headers], "seen": seen}


def address(api: str, uri: str) -> str:
    """The whole address: the base before it, /v1 only where it is missing, and one question mark."""
    path, _, query = quote(uri, safe=punctuation).partition("?")
    if not (path == VERSION or path.startswith(f"{VERSION}/")):
        path = f"{VERSION}{path}"
    return f"{api}{path}?{query.replace('?', '&')}" if query else f"{api}{path}"


def _mark(uri: str, headers: list[tuple[str, str]]) -> str:
    said = "\n".join([address("", uri), *(f"{name}:{value}" for name, value in headers)])
    return hashlib.blake2s(said.encode("utf-8", "replace"), digest_size=6).hexdigest()
