"""What the contract suite stands on: tokens and a pause held in memory, and a reading of everything a source has."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from app.commands.stand_in import Faults, Habits, Scale, StandIn, World
from app.csp.microsoft import sign_in, sources
from app.csp.microsoft.bases import Bases
from app.csp.microsoft.client import Client
from app.csp.microsoft.records import Customer, Document, Line, Page, Paused, Refused, Subscription, Usage

EXACT = Context(prec=200)
SMALL = Scale(customers=12, subscriptions=30, invoices=8, lines=420)
#: so small that everything has many pages
SMALL_PAGES: dict[str, Any] = {"customers_page": 5, "lines_page": 9, "invoices_page": 2, "blob_lines": 25}


def small_world(seed: int = 3) -> World:
    return World(seed, SMALL)


def faults(**habits: Any) -> Faults:
    return Faults(Habits(**{**SMALL_PAGES, **habits}))


class InMemory:
    """Tokens and a pause as accounts keep them, for one process. Refreshing goes one at a time and the new token is kept first."""

    def __init__(self, stand_in: StandIn, *, patience: float = 30.0) -> None:
        self.bases = Bases(f"{stand_in.url}/", stand_in.url, f"{stand_in.url}/")
        self._registration, self._tenant = stand_in.world.registration, stand_in.world.tenant_id
        self.refresh_token = stand_in.refresh_token()
        self.access: dict[str, str] = {}
        self.renewals = 0
        self._patience, self._until, self._lock = patience, 0.0, threading.Lock()
        #: seconds that were asked for, and that were slept between two tries
        self.pauses: list[float] = []
        self.naps: list[float] = []
        self.clients: list[Client] = []

    def get(self, audience: str) -> str:
        with self._lock:
            return self.access.get(audience) or self._refreshed(audience)

    def renew(self, audience: str, refused: str) -> str:
        with self._lock:
            if self.access.get(audience) not in (None, refused):
                return self.access[audience]
            self.renewals += 1
            return self._refreshed(audience)

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _refreshed(self, audience: str) -> str:
        grant = sign_in.refresh(
            self.bases,
            self._tenant,
            client_id=self._registration.client_id,
            client_secret=self._registration.client_secret,
            refresh_token=self.refresh_token,
            audience=audience,
            sleep=self.naps.append,
        )
        self.refresh_token = grant.refresh_token or self.refresh_token
        self.access[audience] = grant.access_token
        return grant.access_token

    def wait(self) -> float:
        seconds = max(0.0, self._until - time.monotonic())
        if seconds > self._patience:
            raise Paused(seconds)
        time.sleep(seconds)
        return seconds

    def begin(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._until = max(self._until, time.monotonic() + seconds)


def client_of(memory: InMemory, **rest: Any) -> Client:
    """A client that is closed with the source."""
    memory.clients.append(Client(memory.bases, memory, memory, sleep=memory.naps.append, **rest))
    return memory.clients[-1]


@dataclass
class Reading:
    """Everything that a source has, as a discovery would keep it."""

    customers: dict[str, Customer] = field(default_factory=dict)
    subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)
    usage: dict[str, Usage | None] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)

    def totals(self) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
        """(number, customer's id or "", currency) -> cost and total of its billing lines, to the last digit."""
        sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
        for number, lines in self.lines.items():
            for line in lines:
                if line.line_type == "billing":
                    cost, total = sums[number, line.customer_tenant_id, line.currency]
                    sums[number, line.customer_tenant_id, line.currency] = (
                        EXACT.add(cost, Decimal(line.cost)),
                        EXACT.add(total, Decimal(line.total)),
                    )
        return dict(sums)

    def counts(self) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for number, lines in self.lines.items():
            for line in lines:
                counts[number, line.line_type] += 1
        return dict(counts)

    def differences(self) -> dict[str, Decimal]:
        """Documents whose billing lines do not come to their total."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for (number, _customer, _currency), (_cost, total) in self.totals().items():
            sums[number] = EXACT.add(sums[number], total)
        differing = {number: EXACT.subtract(one.total, sums[number]) for number, one in self.documents.items()}
        return {number: difference for number, difference in differing.items() if difference}


def read_everything(make: Callable[[], Client], source: str = "v1", *, restarting: bool = False) -> Reading:
    """All of it. `source` is v1, graph (new-commerce lines from the export) or due (as sources.py says). With `restarting` a process
    ends after every page and another goes on from the cursor."""
    client = make()
    reading = Reading()
    for page in pages(client.customers, make, restarting):
        reading.customers |= {one.tenant_id: one for one in page.records}
    for tenant in reading.customers:
        try:
            reading.subscriptions[tenant] = client.subscriptions(tenant)
            reading.usage[tenant] = client.usage(tenant)
        except Refused as no:
            reading.refused[tenant] = no
    for page in pages(client.invoices, make, restarting):
        for one in page.records:
            assert one.number not in reading.documents
            reading.documents |= {each.number: each for each in (one, *one.amendments)}
    for document in reading.documents.values():
        reading.lines[document.number] = lines_of(document, make, source, restarting)
    return reading


def lines_of(document: Document, make: Callable[[], Client], source: str, restarting: bool = False) -> list[Line]:
    """From where `source` says; what the export has not is asked of v1."""
    is_new_commerce = any(one.provider.lower() in ("one_time", "onetime") for one in document.line_sets)
    if is_new_commerce if source == "graph" else source == "due" and sources.source_of(document) == "graph":
        try:
            billed = list(exported_lines(document, "billing", make, restarting))
        except Refused as no:
            if no.code != "5000":
                raise
        else:
            return billed + list(exported_usage(document, make, restarting))
    lines: list[Line] = []
    client = make()
    for one in document.line_sets:

        def of_set(cursor: Mapping[str, Any] | None, client: Client = client, one: Any = one) -> Page:
            return client.lines(document.number, one, document.currency, cursor)

        for page in pages(of_set, make, restarting):
            lines += page.records
    return lines


def exported_lines(document: Document, kind: str, make: Callable[[], Client], restarting: bool) -> Iterator[Line]:
    export = make().export(document.number, kind)
    etag = export.etag
    for at in range(len(export.blobs)):
        read = 0
        for piece in export.lines(at):
            read += len(piece)
            yield from piece
            if restarting:
                break
        if restarting:
            export = make().export(document.number, kind)
            assert export.etag == etag
            for piece in export.lines(at, skip=read):
                yield from piece


def exported_usage(document: Document, make: Callable[[], Client], restarting: bool) -> Iterator[Line]:
    """The daily breakdown; a document of seats alone has none."""
    try:
        yield from exported_lines(document, "usage", make, restarting)
    except Refused as no:
        if no.code != "5000":
            raise


def pages(
    ask: Callable[[Mapping[str, Any] | None], Page], make: Callable[[], Client], restarting: bool
) -> Iterator[Page]:
    """Every page; the cursor goes through JSON, as it does where it is kept."""
    cursor: Mapping[str, Any] | None = None
    while True:
        if restarting and (bound := getattr(ask, "__func__", None)) is not None:
            ask = bound.__get__(make())
        page = ask(cursor)
        yield page
        if page.next is None:
            return
        cursor = json.loads(json.dumps(page.next))
