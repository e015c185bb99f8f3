"""Routes that take files say how much, and only for them may a request be larger than any other.

    @screen.post("/products/<uuid:product_id>/publish/evidence/<string:slot>")
    @takes_files(MOST_BYTES)
    @needs("product:edit", capacity="partner")

The limit is raised before anything reads the form, for members with the permission alone; everybody else's request ends at
the portal's own limit with 413. What they send beyond the route's limit is answered by `too_large`, where a screen has one:
its page with status 413 and the sentence beside the file, so that nobody loses the page for a file.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from werkzeug.datastructures import ImmutableMultiDict

from app.web.templating import viewer

View = TypeVar("View", bound=Callable[..., Any])

#: what stands around the file in a request: boundaries, the other fields
_AROUND = 64 * 1024


def takes_files(most_bytes: int, *, too_large: Callable[..., Response] | None = None) -> Callable[[View], View]:
    """The route's request may hold files of so many bytes together; above @needs, below the route decorator.

    `too_large` takes what the route takes, writes nothing and reads no form: its request is not read to the end.
    """

    def mark(view: View) -> View:
        view.most_bytes = most_bytes  # type: ignore[attr-defined]
        view.too_large = too_large  # type: ignore[attr-defined]
        return view

    return mark


def install(app: Flask) -> None:
    """After the viewer is set and before CSRF reads the form."""
    app.before_request(_allow)


def _allow() -> Response | None:
    view: Any = current_app.view_functions.get(request.endpoint) if request.endpoint else None
    most = getattr(view, "most_bytes", None)
    if most is None or not _may(view):
        return None
    request.max_content_length = most + _AROUND
    too_large = getattr(view, "too_large", None)
    if too_large is None or (request.content_length or 0) <= most + _AROUND:
        return None
    # the page's forms begin anew: nothing of this request is read
    request.form, request.files = ImmutableMultiDict(), ImmutableMultiDict()
    answer: Response = too_large(**(request.view_args or {}))
    return answer


def _may(view: Any) -> bool:
    by_capacity = getattr(view, "needed_by_capacity", None)
    if getattr(view, "needed_capacity", None) not in (None, viewer().capacity):
        return False
    needed = view.needed_permission if by_capacity is None else by_capacity.get(viewer().capacity)
    return needed is not None and viewer().may(needed)
