"""Figure `lists`: every list, signed in, at its first and last page, unfiltered and filtered, at several sizes in one run.

Against the static page of the same bytes in the same server, and the largest ground against the smallest. The same page is asked
again and again, as people do who come back to a list; "nothing kept" is what it costs when none of its rows was ever shown.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.figure import Asked, Line, in_words, median_ratio
from benchmarks.ground import grounds
from benchmarks.serving import Server, serving

GOAL = "A list costs what its page costs: flat in size, near a static page of the same bytes"
SIZES = (1_000, 100_000, 1_000_000)
PEOPLE = {"ada": "ada@northbridge.example", "olga": "olga@operator.example", "dot": "dot@acme.example"}
#: CPU of the page at the largest size, of that at the smallest
FLAT = 1.25
#: CPU of the page, of the static one
NEAR = {"sqlite": 2.5, "postgresql": 3.3}
#: requests a round of each page and of each static one
TIMES = 12
#: and before the first round: a connection to PostgreSQL has planned a statement for good after ten
WARM = 40
#: A request in front of which every kept piece of a page is forgotten: as if nobody had ever seen one of its rows.
COLD = {"X-Bench-Cold": "1"}

_FIRST_ID, _LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True)
class Screen:
    name: str
    who: str
    path: str
    #: fifty rows long, so that a static page of the same bytes says something
    long: bool = True


def cursor(*keys: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys, separators=(",", ":")).encode()).decode().rstrip("=")


#: Before everything there is: the last page of what is listed newest first.
OLDEST = f"before={cursor('1970-01-01T00:00:00+00:00', _FIRST_ID)}"


def screens(server: Server) -> list[Screen]:
    """What is measured; ids of the ground are read off its own pages."""
    products = re.findall(r"/products/([0-9a-f-]{36})/current-engagements", server.get("ada", "/products"))
    product = max(
        dict.fromkeys(products), key=lambda each: rows_of(server, "ada", f"/products/{each}/current-engagements")
    )
    listed = server.get("ada", "/engagements")
    client = re.search(r"client=([0-9a-f-]{36})", listed)[1]  # type: ignore[index]
    month = re.findall(r"month=(\d{4}-\d{2})", listed)[1]
    big = re.search(r'/engagements/([0-9a-f-]{36})">Ten', server.get("ada", "/engagements?search=ten+thousand"))[1]  # type: ignore[index]
    number = re.search(r"ENG-\d{6}", server.get("ada", f"/engagements?{OLDEST}"))[0]  # type: ignore[index]
    of_engagements = {
        "": "", "last page": OLDEST, "pending": "status=pending", "active": "status=active", "past": "status=past",
        "past, last page": f"status=past&{OLDEST}", "rejected": "status=rejected", "client": f"client={client}",
        "month": f"month={month}", "product": f"product={product}", "search, many": "search=backup",
        "search, a number": f"search={number}", "search, nothing": "search=zebra",
    }  # fmt: skip
    found = [
        Screen(f"{name}: {which or 'first page'}", who, f"{path}?{query}", long=which not in _SHORT)
        for name, who, path, filters in (
            ("engagements, partner", "ada", "/engagements", of_engagements),
            ("engagements, operator", "olga", "/engagements", of_engagements),
            ("one product's", "ada", f"/products/{product}/current-engagements", _some(of_engagements, _OF_PRODUCT)),
            (
                "one product's past",
                "ada",
                f"/products/{product}/past-engagements",
                _some(of_engagements, ("", "last page")),
            ),
            ("my engagements", "dot", "/my/engagements", _some(of_engagements, _OF_CUSTOMER)),
            ("bulk entry", "ada", "/engagements/bulk-entry", _some(of_engagements, ("", "last page", "search, many"))),
        )
        for which, query in filters.items()
    ]
    charges = cursor("2000-01", _FIRST_ID)
    return [
        *found,
        Screen("charges: first page", "dot", "/my/charges"),
        Screen("charges: last page", "dot", f"/my/charges?before={charges}"),
        Screen("charges: month", "dot", f"/my/charges?month={month}"),
        Screen("charges: search", "dot", "/my/charges?search=hours"),
        Screen("charges: search, nothing", "dot", "/my/charges?search=zebra", long=False),
        Screen("organisations: first page", "olga", "/organisations"),
        Screen("organisations: last page", "olga", f"/organisations?before={cursor('zzzz', _LAST_ID)}"),
        Screen("organisations: search", "olga", "/organisations?search=backup", long=False),
        Screen("10,000 entries: tab", "ada", f"/engagements/{big}/billing-entries"),
        Screen("10,000 entries: last page", "ada", f"/engagements/{big}/billing-entries?{OLDEST}"),
        Screen("10,000 entries: history tab", "ada", f"/engagements/{big}/history"),
        Screen("10,000 entries: details", "ada", f"/engagements/{big}", long=False),
        Screen("10,000 entries: client's tab", "dot", f"/my/engagements/{big}/billing-entries"),
        Screen("10,000 entries: client's history", "dot", f"/my/engagements/{big}/history"),
        *(Screen(f"home, {who}", who, "/", long=False) for who in PEOPLE),
        *(Screen(f"inbox, {who}", who, "/inbox", long=False) for who in ("ada", "olga")),
        *(Screen(path.strip("/"), who, path, long=False) for who, path in _OTHERS),
    ]


_SHORT = ("search, a number", "search, nothing")
_OF_PRODUCT = ("", "last page", "active", "client", "month", "search, many")
_OF_CUSTOMER = ("", "last page", "active", "rejected", "month", "search, many", "search, nothing")
_OTHERS = (
    ("ada", "/products"), ("ada", "/members"), ("ada", "/notices"), ("dot", "/catalog"), ("olga", "/reviews/rating"),
    ("olga", "/reviews/pricing"), ("olga", "/months"), ("olga", "/operations"), ("olga", "/programmes"),
)  # fmt: skip


def _some(filters: dict[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    return {name: query for name, query in filters.items() if name in wanted}


def rows_of(server: Server, who: str, path: str) -> int:
    return server.get(who, path).count("<tr>")


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with ExitStack() as stack:
            urls = stack.enter_context(grounds(database, asked.sizes))
            servers = {size: stack.enter_context(serving(url, PEOPLE)) for size, url in urls.items()}
            of_size = {size: screens(server) for size, server in servers.items()}
            for same in zip(*of_size.values(), strict=True):
                if asked.only in same[0].name:
                    yield from _compared(database, dict(zip(servers.values(), same, strict=True)), asked)


def _compared(database: str, where: dict[Server, Screen], asked: Asked) -> Iterator[Line]:
    """The same screen at every size, in interleaved rounds."""
    static = {server: server.take_apart(one.name, server.get(one.who, one.path)) for server, one in where.items()}
    pages: dict[Server, list[float]] = {server: [] for server in where}
    floors: dict[Server, list[float]] = {server: [] for server in where}
    unseen: dict[Server, list[float]] = {server: [] for server in where}
    for server, one in where.items():
        server.cpu_of(one.who, one.path, WARM)
        server.cpu_of(None, static[server], WARM)
    for _turn in range(asked.rounds):
        for server, one in where.items():
            pages[server].append(server.cpu_of(one.who, one.path, TIMES))
            floors[server].append(server.cpu_of(None, static[server], TIMES))
            if one.long:
                unseen[server].append(server.cpu_of(one.who, one.path, TIMES, headers=COLD))
    rows = {server: rows_of(server, one.who, one.path) for server, one in where.items()}
    longest = max(rows.values())
    smallest = next(server for server in where if rows[server] == longest)  # fewer rows would be another page
    size_of = dict(zip(where, asked.sizes, strict=True))
    for size, (server, one) in zip(asked.sizes, where.items(), strict=True):
        near = median_ratio(pages[server], floors[server])
        ms = median(pages[server])
        yield Line(one.name, database, size, "static page", near, most=NEAR[database] if one.long else None, ms=ms)
        if one.long:
            cold, note = median_ratio(unseen[server], floors[server]), "nothing kept"
            yield Line(one.name, database, size, "static page", cold, ms=median(unseen[server]), note=note)
        if size > size_of[smallest]:
            flat = median_ratio(pages[server], pages[smallest])
            yield Line(one.name, database, size, f"at {in_words(size_of[smallest])}", flat, most=FLAT, ms=ms)
