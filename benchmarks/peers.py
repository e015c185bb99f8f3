"""Figure `peers`: the portal's list against what somebody would take instead, over the same table, in the same rounds.

Django's admin and Flask-Admin, signed in, 50 rows a page of the same partner's engagements, the first page and one in the
middle (the portal's last one). Their pages are plainer: no figures of billing, no actions by state.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

import httpx
from sqlalchemy import create_engine, text

from benchmarks.figure import Asked, Line, median_ratio
from benchmarks.ground import grounds
from benchmarks.lists import OLDEST, PEOPLE
from benchmarks.serving import serving

GOAL = "At 1M engagements a page of the list takes an eighth of the CPU that Django's admin and Flask-Admin take"
SIZES = (1_000_000,)
LEAST = 8
TIMES = 10
PEER_PASSWORD = "peer-bench"  # noqa: S105  of a server that lives for a minute
ROWS = 50
#: (name, WSGI application, whether it counts, its list, the name of its page's parameter)
PEERS = (
    ("Django admin", "benchmarks.peer_django", True, "/admin/portal/engagement/", "p"),
    ("Django admin, one count less", "benchmarks.peer_django", False, "/admin/portal/engagement/", "p"),
    ("Flask-Admin", "benchmarks.peer_flask_admin", True, "/admin/engagement/", "page"),
    ("Flask-Admin, no count", "benchmarks.peer_flask_admin", False, "/admin/engagement/", "page"),
)


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with ExitStack() as stack:
            for size, url in stack.enter_context(grounds(database, asked.sizes)).items():
                with ExitStack() as servers:
                    yield from _compared(database, size, url, asked, servers)


def _compared(database: str, size: int, url: str, asked: Asked, servers: ExitStack) -> Iterator[Line]:
    partner, rows = _partner(url)
    portal = servers.enter_context(serving(url, PEOPLE))
    pages = {("portal", "first page"): (portal, "ada", "/engagements?status=all")}
    pages["portal", "middle page"] = (portal, "ada", f"/engagements?status=all&{OLDEST}")
    for name, application, counts, path, parameter in PEERS:
        if asked.only in name:
            settings = {"PEER_PARTNER": partner, "PEER_COUNTS": str(int(counts)), "PEER_PASSWORD": PEER_PASSWORD}
            sign_in = of_django if "django" in application else of_flask_admin
            peer = servers.enter_context(serving(url, {"peer": ""}, application, sign_in, settings))
            pages[name, "first page"] = (peer, "peer", path)
            pages[name, "middle page"] = (peer, "peer", f"{path}?{parameter}={rows // ROWS // 2}")
    took: dict[tuple[str, str], list[float]] = {which: [] for which in pages}
    for turn in range(asked.rounds + 1):
        for which, (server, who, path) in pages.items():
            spent = server.cpu_of(who, path, TIMES, fits=has_all_rows)
            if turn:  # the first is for warming up
                took[which].append(spent)
    for (name, page), each in took.items():
        least = None if name == "portal" else LEAST
        ratio = median_ratio(each, took["portal", page])
        yield Line(f"{name}: {page}", database, size, "portal", ratio, least=least, ms=median(each))


def has_all_rows(page: str) -> bool:
    """A short page, or one of an error, would be fast."""
    return page.rpartition("</thead>")[2].count("<tr") == ROWS


def _partner(url: str) -> tuple[str, int]:
    """The organisation that most engagements are of, and how many."""
    most = "SELECT partner_id, count(*) FROM engagement WHERE NOT is_test GROUP BY partner_id ORDER BY 2 DESC LIMIT 1"
    with create_engine(url).connect() as connection:
        row = connection.execute(text(most)).one()
    return str(row[0]), row[1]


def of_django(client: httpx.Client, _email: str) -> httpx.Response:
    form = client.get("/admin/login/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]  # type: ignore[index]
    sent = {"csrfmiddlewaretoken": token, "username": "peer", "password": PEER_PASSWORD, "next": "/admin/"}
    return client.post("/admin/login/", data=sent)


def of_flask_admin(client: httpx.Client, _email: str) -> httpx.Response:
    return client.post("/login")
