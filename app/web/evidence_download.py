"""A file of evidence as an answer: saved, never shown as a page of ours, and named by us."""

from flask import Response

from app.catalog.file_kinds import JPEG, PDF, PNG
from app.catalog.model import Evidence

_EXTENSIONS = {kind.content_type: kind.extension for kind in (PDF, PNG, JPEG)}


def as_attachment(file: Evidence, slug: str) -> Response:
    """What somebody uploaded is never run in our name: an attachment, its kind not guessed, nothing of it kept by caches."""
    response = Response(file.content, content_type=file.content_type)
    name = f"{slug}-{file.slot}.{_EXTENSIONS[file.content_type]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
