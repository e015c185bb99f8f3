"""Figure `exports`: the CSV of every engagement, over HTTP, against PostgreSQL's COPY of the same filtered and ordered rows.

COPY sends the bare columns, to a client that does nothing with them; the portal's file has every cell made harmless, its money,
months and instants spelled and its words translated. SQLite's file is held against PostgreSQL's COPY of as many rows. Both run in
the same interleaved rounds. The first byte is one of the first rows, and the memory that of the server process at its most.
"""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

import psycopg
from sqlalchemy import create_engine, select

from app import create_app
from app.engagements import queries
from app.foundation import tenancy
from app.foundation.database import db
from app.parties.model import Organisation
from benchmarks.figure import Asked, Line, in_words, median_ratio
from benchmarks.ground import grounds, settings
from benchmarks.serving import Server, forget_peak, peak_memory, serving

GOAL = "A file of a million rows streams as fast as the database gives them, at once, in flat memory"
SIZES = (100_000, 1_000_000)
OLGA = {"olga": "olga@operator.example"}
PATH = "/engagements.csv?status=all"
#: rows a second, of COPY's
LEAST = {"postgresql": 0.6, "sqlite": 0.2}
FIRST_BYTE_SECONDS = 1.0
#: of the server process, beyond what the smallest file takes
MORE_MEMORY_MB = 32
_PIECE = 1 << 18


@dataclass
class Export:
    """One size on one database, round by round."""

    server: Server
    seconds: list[float] = field(default_factory=list)
    first_byte: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    rows: int = 0

    def fetch(self) -> None:
        (worker,) = self.server.workers
        forget_peak(worker)
        first, seconds, self.rows = downloaded(self.server)
        self.first_byte.append(first)
        self.seconds.append(seconds)
        self.peak.append(peak_memory(worker))


def measure(asked: Asked) -> Iterator[Line]:
    with ExitStack() as stack:
        postgres = stack.enter_context(grounds("postgresql", asked.sizes))
        copies = {size: copy_statement(url) for size, url in postgres.items()}
        exports: dict[tuple[str, int], Export] = {}
        for database in asked.databases:
            urls = postgres if database == "postgresql" else stack.enter_context(grounds(database, asked.sizes))
            exports |= {
                (database, size): Export(stack.enter_context(serving(urls[size], OLGA))) for size in asked.sizes
            }
        copied: dict[int, list[float]] = {size: [] for size in asked.sizes}
        for _ in range(asked.rounds):
            for size in asked.sizes:
                seconds, rows = copied_out(postgres[size], copies[size])
                copied[size].append(seconds)
                for (_database, of_size), export in exports.items():
                    if of_size == size:
                        export.fetch()
                        if export.rows != rows:
                            raise RuntimeError(f"the file has {export.rows} rows, COPY {rows}")
        yield from _lines(exports, copied, asked)


def _lines(exports: dict[tuple[str, int], Export], copied: dict[int, list[float]], asked: Asked) -> Iterator[Line]:
    for (database, size), export in exports.items():
        speed = median_ratio(copied[size], export.seconds)
        told = f"{export.rows / median(export.seconds):,.0f} rows/s, COPY {export.rows / median(copied[size]):,.0f}"
        # a small file is mostly its request
        least = LEAST[database] if size >= 1_000_000 else None
        yield Line("CSV, rows/s", database, size, "PostgreSQL's COPY", speed, least=least, note=told)
        first = median(export.first_byte)
        yield Line(
            "CSV, first byte", database, size, "a second", first, most=FIRST_BYTE_SECONDS, note=f"{first * 1000:.0f} ms"
        )
        smallest = exports[database, asked.sizes[0]]
        if export is not smallest:
            peak, before = median(export.peak), median(smallest.peak)
            yield Line(
                "CSV, memory beyond", database, size, f"{MORE_MEMORY_MB} MB over {in_words(asked.sizes[0])}",
                (peak - before) / MORE_MEMORY_MB, most=1, note=f"{peak:.0f} MB, {before:.0f} MB at {in_words(asked.sizes[0])}",
            )  # fmt: skip


def downloaded(server: Server) -> tuple[float, float, int]:
    """(seconds to the first byte of the body, to its end, rows), read by a client that only counts."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=600)
    olga = server.clients["olga"]  # a session is her browser's alone
    cookies = "; ".join(f"{name}={value}" for name, value in olga.cookies.items())
    heads = {"Cookie": cookies, "User-Agent": olga.headers["User-Agent"]}
    began = time.perf_counter()
    connection.request("GET", PATH, headers=heads)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{PATH} answered {answer.status}")
    piece = answer.read1(_PIECE)
    first = time.perf_counter() - began
    lines = 0
    while piece:
        lines += piece.count(b"\n")
        piece = answer.read1(_PIECE)
    seconds = time.perf_counter() - began
    connection.close()
    return first, seconds, lines - 1


def copied_out(url: str, copy: str) -> tuple[float, int]:
    """(seconds, rows) of the same COPY to a client that only counts."""
    rows = 0
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(copy) as copying:
            for _ in copying:
                rows += 1
        return time.perf_counter() - began, rows


def copy_statement(url: str) -> str:
    """COPY of the list's columns as they are stored, with the operator's criteria and in the list's order."""
    app = create_app(settings(url))
    with app.app_context(), tenancy.acting_for_all("who the operator is"):
        operator = db.session.scalars(select(Organisation.id).where(Organisation.is_operator)).one()
        statement = queries.engagements().order_by(*(key.desc() for key in queries.LIST_KEYS))
    kept = [column for column in statement.selected_columns if column.key != "instance_state"]  # no column of the file
    statement = statement.with_only_columns(*kept, maintain_column_froms=True)
    with tenancy.viewing(tenancy.Viewer("operator", operator)):
        text = tenancy.shown(statement).compile(create_engine(url), compile_kwargs={"literal_binds": True})
    return f"COPY ({str(text).replace('%%', '%')}) TO STDOUT (FORMAT csv)"
