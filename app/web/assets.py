"""Static files for ever, small answers: a file's address holds its content's hash, and text travels compressed.

In a template: ``{{ asset("app.css") }}`` -> "/static/app.css?v=3f2a9c01de". Asked for with the right hash, a file may be
kept for a year; asked for without, or with an old one, it must be asked for again (ETag).
"""

import gzip
import secrets
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.http import parse_accept_header
from werkzeug.security import safe_join

from app.web.guard import public
from app.web.varying import varies_by

#: Fewer bytes are not worth the processor time.
SMALLEST = 1024
_TEXT = (
    "text/html",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "image/svg+xml",
    "text/plain",
    "text/csv",
)
_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
    ".png": "image/png", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8", ".json": "application/json",
}  # fmt: skip


@dataclass(frozen=True)
class StaticFile:
    body: bytes
    packed: bytes | None
    mark: str
    content_type: str
    #: (modified, size) when it was read
    stamp: tuple[int, int]


class StaticFiles:
    """The files under one folder, read and compressed once, read again when they change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, StaticFile] = {}
        self._lock = Lock()

    def find(self, name: str) -> StaticFile | None:
        path = safe_join(str(self.folder), name)
        if path is None:
            return None
        try:
            status = Path(path).stat()
            stamp = (status.st_mtime_ns, status.st_size)
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp:
                kept = self._read(Path(path), stamp)
                with self._lock:
                    self._kept[path] = kept
            return kept
        except (OSError, ValueError):
            return None  # no such file, a folder, or a name no file can have

    @staticmethod
    def _read(path: Path, stamp: tuple[int, int]) -> StaticFile:
        body = path.read_bytes()
        content_type = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        packed = gzip.compress(body, 9, mtime=0) if content_type.startswith(_TEXT) and len(body) >= SMALLEST else None
        return StaticFile(body, packed, sha1(body, usedforsecurity=False).hexdigest()[:10], content_type, stamp)


def install(app: Flask) -> None:
    files = StaticFiles(Path(app.static_folder or "static"))
    app.extensions["static_files"] = files

    addresses: dict[str, str] = {}

    def asset(name: str) -> str:
        """Looked for once a process, where templates are read once as well: a page names six."""
        if name not in addresses or app.jinja_env.auto_reload:
            found = files.find(name)
            addresses[name] = f"{app.static_url_path}/{name}" + (f"?v={found.mark}" if found else "")
        return addresses[name]

    @public
    def static(filename: str) -> Response:
        found = files.find(filename)
        if found is None:
            raise NotFound
        return _answer(found)

    app.view_functions["static"] = static
    app.jinja_env.globals["asset"] = asset
    app.after_request(_compress)


def _answer(found: StaticFile) -> Response:
    packed = found.packed if _accepts_gzip() else None
    response = Response(packed or found.body, content_type=found.content_type)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if found.packed:
        varies_by(response, "Accept-Encoding")
    # Only the right hash: in a rolling deploy an old process must not file its old content under the new address.
    asked = request.args.get("v")
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if asked == found.mark else "public, no-cache"
    )
    response.set_etag(f"{found.mark}{'-gz' if packed else ''}")
    response.make_conditional(request)
    return response


def _compress(response: Response) -> Response:
    body_is_ours = not (response.direct_passthrough or response.is_streamed or "Content-Encoding" in response.headers)
    if not body_is_ours or response.status_code in (204, 304) or response.mimetype not in _TEXT:
        return response
    varies_by(response, "Accept-Encoding")
    if _accepts_gzip() and len(body := response.get_data()) >= SMALLEST:
        response.set_data(_packed(body))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _packed(body: bytes) -> bytes:
    """Compressed, with a file name of random length in its head: the size then tells nobody what the page repeats (BREACH)."""
    out = BytesIO()
    with gzip.GzipFile(
        filename="x" * (1 + secrets.randbelow(100)), mode="wb", compresslevel=5, fileobj=out, mtime=0
    ) as packing:
        packing.write(body)
    return out.getvalue()


def _accepts_gzip() -> bool:
    return _gzip_in(request.headers.get("Accept-Encoding", ""))


@lru_cache(maxsize=100)
def _gzip_in(accepted: str) -> bool:
    encodings: Any = parse_accept_header(accepted)
    return bool(encodings["gzip"] > 0)
