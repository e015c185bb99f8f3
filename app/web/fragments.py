"""One template a screen; its named blocks are the fragments htmx asks for."""

import json
from typing import Any

from flask import current_app, make_response, render_template, request
from flask.wrappers import Response

from app.foundation import clock
from app.web import instants, kept
from app.web.languages import locale_name, spoken
from app.web.varying import varies_by


def wants_fragment() -> bool:
    """An htmx request that is neither boosted nor a history restore: it swaps a part of a page it already has."""
    asked = request.headers
    return "HX-Request" in asked and "HX-Boosted" not in asked and "HX-History-Restore-Request" not in asked


def show(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """The page, or only `block` for an htmx request. The server names the block, never the client."""
    now = clock.now()
    zone = instants.viewer_zone()
    language = locale_name()
    reader = kept.read_by(language, zone.key, now.astimezone(zone).year)
    with clock.pinned(now), spoken(language), reader:  # every age and deadline on a page is of one instant
        if block and wants_fragment():
            source = current_app.jinja_env.get_template(template)
            current_app.update_template_context(context)
            body = "".join(source.blocks[block](source.new_context(context)))
        else:
            body = render_template(template, **context)
    response = Response(body, status, mimetype="text/html")
    varies_by(response, "HX-Request")
    return response


def show_fresh(path: str, template: str, **context: Any) -> Response:
    """After a lost race: 409 with the page of `path` as it stands now.

    Asked from a dialog, the dialog closes and that page takes the place of whatever lay under it.
    """
    response = show(template, status=409, **context)
    if wants_fragment():
        response.headers.update(
            {"HX-Retarget": "#content", "HX-Reselect": "#content", "HX-Reswap": "outerHTML", "HX-Push-Url": path}
        )
        response.headers["HX-Trigger"] = json.dumps({"dialog-close": True})
    return response


def go_to(path: str, *, toast: str | None = None, kind: str = "done") -> Response:
    """After a success: htmx is told to go there, everyone else is redirected (303). The toast is shown on arrival.

    `kind` "blocked": nothing was done, and the toast, which then stays, says why.
    """
    from flask import flash

    if toast:
        flash(toast, kind)
    if wants_fragment():
        return make_response("", 200, {"HX-Redirect": path})
    return make_response("", 303, {"Location": path})
