"""Routes that take files say how much, and only for them may a request be larger than any other.

    @screen.post("/products/<uuid:product_id>/publish/evidence/<string:slot>")
    @takes_files(MOST_BYTES)
    @needs("product:edit", capacity="partner")

The limit is raised before anything reads the form, for members with the permission alone; everybody else's request ends at
the portal's own limit with 413.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from app.web.templating import viewer

View = TypeVar("View", bound=Callable[..., Any])

#: what stands around the file in a request: boundaries, the other fields
_AROUND = 64 * 1024


def takes_files(most_bytes: int) -> Callable[[View], View]:
    """The route's request may hold files of so many bytes together; above @needs, below the route decorator."""

    def mark(view: View) -> View:
        view.most_bytes = most_bytes  # type: ignore[attr-defined]
        return view

    return mark


def install(app: Flask) -> None:
    """After the viewer is set and before CSRF reads the form."""
    app.before_request(_allow)


def _allow() -> None:
    view: Any = current_app.view_functions.get(request.endpoint) if request.endpoint else None
    most = getattr(view, "most_bytes", None)
    if most is not None and _may(view):
        request.max_content_length = most + _AROUND


def _may(view: Any) -> bool:
    by_capacity = getattr(view, "needed_by_capacity", None)
    needed = view.needed_permission if by_capacity is None else by_capacity.get(viewer().capacity)
    return needed is not None and viewer().may(needed)
