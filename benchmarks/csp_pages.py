"""Figure `csp_pages`: what is read from Microsoft as pages show it, with very many invoice lines behind it and with few."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from benchmarks.figure import Asked, Line, in_words, median_ratio
from benchmarks.fill_csp import MARK
from benchmarks.ground import grounds
from benchmarks.serving import Server, serving

GOAL = "Invoice and customer pages cost what they show, however many lines there are"
SIZES = (50_000, 5_000_000)
PEOPLE = {"ada": "ada@northbridge.example"}
#: CPU of the page at the largest size, of that at the smallest
FLAT = 1.25
TIMES, WARM = 12, 40
_ID = "[0-9a-f-]{36}"


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with ExitStack() as stack:
            urls = stack.enter_context(grounds(database, asked.sizes, "fill_csp"))
            servers = {size: stack.enter_context(serving(url, PEOPLE)) for size, url in urls.items()}
            pages = {size: screens(server) for size, server in servers.items()}
            for name in pages[asked.sizes[0]]:
                if asked.only in name:
                    yield from _compared(name, database, servers, {size: pages[size][name] for size in servers}, asked)


def screens(server: Server) -> dict[str, str]:
    """Name -> path. Ids are read off the portal's own pages."""
    listed = f"/csp/invoices?search={MARK}000003"
    invoice = _found(rf"/csp/invoices/({_ID})", server.get("ada", listed))
    customer = _found(rf"/csp/customers/({_ID})", server.get("ada", "/csp/customers?search=bench+customer+042"))
    part = f"/csp/invoices/{invoice}/customers/{customer}"
    return {
        "invoices: first page": "/csp/invoices",
        "an invoice": f"/csp/invoices/{invoice}",
        "an invoice's customer": part,
        "customers: first page": "/csp/customers",
        "a customer": f"/csp/customers/{customer}",
    }


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"no {pattern} on the page")
    return found[1]


def _compared(
    name: str, database: str, servers: dict[int, Server], paths: dict[int, str], asked: Asked
) -> Iterator[Line]:
    taken: dict[int, list[float]] = {size: [] for size in servers}
    for size, server in servers.items():
        server.cpu_of("ada", paths[size], WARM)
    for _round in range(asked.rounds):
        for size, server in servers.items():
            taken[size].append(server.cpu_of("ada", paths[size], TIMES))
    smallest = asked.sizes[0]
    for size in asked.sizes[1:]:
        flat = median_ratio(taken[size], taken[smallest])
        yield Line(name, database, size, f"at {in_words(smallest)}", flat, most=FLAT, ms=median(taken[size]))
