"""The portal as production serves it, and in the same server process a static page of the same bytes for each of its pages.

PUT /bench/<name> takes a page's HTML apart, once; GET /bench/<name> prints it from one flat, autoescaped template with its
rows in memory: what Flask and Jinja cost by themselves, and so the least that a page of these bytes can cost here.

A request with X-Bench-Cold finds no piece of a page kept (app/web/kept.py) and no sum (app/billing/charged_months.py): every row is
new to it.
"""

import html
import re
from typing import Any

from flask import Flask, Response, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app import create_app
from app.billing import charged_months
from app.foundation import memory
from app.web.kept import PIECES

PAGE = """{{ before|safe }}{% for row in rows %}{% for markup, text in row %}{{ markup|safe }}{{ text }}{% endfor %}
{% endfor %}{{ after|safe }}"""
static_pages = Flask("static_pages")
page = static_pages.jinja_env.from_string(PAGE)
taken_apart: dict[str, dict[str, Any]] = {}


@static_pages.put("/<path:name>")
def take_apart(name: str) -> Response:
    before, body, after = re.fullmatch(
        r"(.*?<tbody>)?(.*?)(</tbody>.*)?", request.get_data(as_text=True), re.DOTALL
    ).groups("")  # type: ignore[union-attr]
    rows = [
        [(found[1], html.unescape(found[2])) for found in re.finditer(r"((?:<[^>]*>\s*)+)([^<]*)", row)]
        for row in body.split("\n<tr>")
    ]
    taken_apart[name] = {"before": before, "rows": rows, "after": after}
    return Response(status=204)


@static_pages.get("/<path:name>")
def show(name: str) -> str:
    return page.render(**taken_apart[name])


served = DispatcherMiddleware(create_app(), {"/bench": static_pages})


def application(environ: Any, start_response: Any) -> Any:
    if "HTTP_X_BENCH_COLD" in environ:
        PIECES.forget()
        charged_months.forget()
    return served(environ, start_response)


memory.settle()
