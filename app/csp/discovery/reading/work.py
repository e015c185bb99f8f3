"""A run as the readers of its kinds see it: pages committed with the claim and the progress, refusals noted, Stop looked for."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select, update

from app.csp.customers.arrivals import Owner
from app.csp.discovery import claiming, states
from app.csp.discovery.model import CspListed, CspRefusal, CspRunKind
from app.csp.discovery.reading.fetching import Fetchers
from app.csp.microsoft.records import Page, Refused, Unreachable
from app.foundation import bulk, clock
from app.foundation.database import canonical_json, db, end_reading, transaction
from app.foundation.tenancy import Viewer
from app.foundation.text import N_

T = TypeVar("T")
#: while an answer is waited for, who stops the process is heard this often, and who presses Stop
LISTENS_EVERY_SECONDS = 0.5
LOOKS_EVERY_SECONDS = 2.0


class Leaving(Exception):
    """The process ends: the run is left to another worker, from its last committed page on."""


class GoesInCircles(Exception):
    """A listing that names a page again as the one after it would never end."""

    def __str__(self) -> str:
        return N_("Microsoft's list names the same next page again and again.")


class Counting:
    """Requests and seconds throttled, told by the threads that ask; taken by the writer with each page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests, self._seconds = 0, 0.0

    def __call__(self, throttled_seconds: float) -> None:
        with self._lock:
            self._requests += 1
            self._seconds += throttled_seconds

    def taken(self) -> tuple[int, int]:
        """Since the last time; whole seconds, what is left of one counts later."""
        with self._lock:
            requests, seconds = self._requests, int(self._seconds)
            self._requests, self._seconds = 0, self._seconds - seconds
            return requests, seconds


@dataclass
class Progress:
    """One kind's row, as it will stand with the next page."""

    kind: str
    progress: str
    done: int
    known: int | None
    new: int
    changed: int
    requests: int
    throttled_seconds: int
    started_at: datetime | None
    ended_at: datetime | None
    cursor: dict[str, Any]
    error: str | None


_COLUMNS = tuple(Progress.__dataclass_fields__)


@dataclass
class Work:
    run_id: uuid.UUID
    number: int
    begun_at: datetime
    owner: Owner
    #: direct, indirect_provider or indirect_reseller
    model: str
    #: the name of this claim
    worker: str
    client: Any
    fetchers: Fetchers
    counting: Counting
    by: Viewer
    #: True once the process is about to end
    stopped: Callable[[], bool]
    #: set when another worker has the run
    lost: threading.Event
    #: since when what was read need not be read again: the run before was cut short
    goes_on_from: datetime | None = None
    #: kind -> its cursor in the run that was cut short
    left_at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _looked_at: float = 0.0

    # progress

    def progress_of(self, kind: str) -> Progress:
        row = db.session.execute(
            select(*(getattr(CspRunKind, name) for name in _COLUMNS)).where(
                CspRunKind.run_id == self.run_id, CspRunKind.kind == kind
            )
        ).one()
        return Progress(**row._mapping)

    def begin(self, kind: str) -> Progress:
        """The kind as the last page left it; its clock begins to run with the first."""
        progress = self.progress_of(kind)
        if progress.progress == states.WAITING:
            with self.page(progress):
                progress.progress, progress.started_at = states.READING, clock.now()
        return progress

    def end(self, progress: Progress) -> None:
        """Inside the last page's transaction, or in one of its own."""
        progress.progress, progress.ended_at = states.DONE, clock.now()

    @contextmanager
    def page(self, progress: Progress) -> Iterator[None]:
        """What is written inside is committed together with where to go on, by the worker that has the run and no other."""
        with transaction():
            claiming.hold(self.run_id, self.worker)
            yield
            requests, seconds = self.counting.taken()
            progress.requests += requests
            progress.throttled_seconds += seconds
            db.session.execute(
                update(CspRunKind)
                .where(CspRunKind.run_id == self.run_id, CspRunKind.kind == progress.kind)
                .values({name: getattr(progress, name) for name in _COLUMNS if name != "kind"})
                .execution_options(synchronize_session=False)
            )
        db.session.expunge_all()
        self.look()

    # looking up between pages

    def look(self) -> None:
        """Leaving, Lost or StopAsked; else the next page may be read."""
        if self.stopped():
            raise Leaving
        if self.lost.is_set():
            raise claiming.Lost
        self._looked_at = time.monotonic()
        asked = claiming.must_end(self.run_id)
        end_reading()  # nothing holds a snapshot while answers are waited for
        if asked:
            raise claiming.StopAsked

    def listen(self) -> None:
        """While an answer is waited for."""
        if self.stopped():
            raise Leaving
        if self.lost.is_set() or time.monotonic() - self._looked_at > LOOKS_EVERY_SECONDS:
            self.look()

    # asking

    def answer(self, future: "Future[T]") -> T:
        while True:
            try:
                return future.result(timeout=LISTENS_EVERY_SECONDS)
            except TimeoutError:
                if future.done():
                    return future.result()
                self.listen()

    def pages(self, fetch: Callable[[Any], Page], cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """A listing from `cursor` on; the next page is asked for while this one is written."""
        seen = {canonical_json(cursor)}
        future = self.fetchers.submit(lambda: fetch(cursor))
        while True:
            page = self.answer(future)
            if page.next is not None:
                mark = canonical_json(page.next)
                if mark in seen:
                    raise GoesInCircles
                seen.add(mark)
                future = self.fetchers.submit(lambda following=page.next: fetch(following))  # type: ignore[misc]
            yield page
            if page.next is None:
                return

    # what a listing named

    def listed(self, kind: str, subjects: Iterable[str]) -> int:
        """Remember that these were named; returns how many were not before."""
        asked = set(subjects)
        known = set(
            db.session.scalars(
                select(CspListed.subject).where(
                    CspListed.run_id == self.run_id, CspListed.kind == kind, CspListed.subject.in_(list(asked))
                )
            )
        )
        key = (self.owner.partner_id, self.run_id, kind)
        return bulk.insert(
            CspListed, ("partner_id", "run_id", "kind", "subject"), ((*key, one) for one in sorted(asked - known))
        )

    def listed_so_far(self, kind: str) -> Any:
        """A select of what was named."""
        return select(CspListed.subject).where(CspListed.run_id == self.run_id, CspListed.kind == kind)

    # what is refused

    def note_refusal(self, kind: str, subject: str, name: str, no: Exception) -> None:
        """Inside a page's transaction: this one is left out, the rest goes on, the run will be partial."""
        status, code = (no.status, str(no.code)) if isinstance(no, Refused) else (0, "")
        db.session.add(
            CspRefusal(
                partner_id=self.owner.partner_id,
                run_id=self.run_id,
                kind=kind,
                subject=subject[:80],
                name=name[:300],
                status=status,
                code=code[:40],
                sentence=sentence_of(no),
                at=clock.now(),
            )
        )
        db.session.flush()

    def refused_so_far(self, *kinds: str) -> dict[str, str]:
        """Subject -> sentence of what this run was refused of these kinds; of several, the first."""
        found = db.session.execute(
            select(CspRefusal.subject, CspRefusal.sentence)
            .where(CspRefusal.run_id == self.run_id, CspRefusal.kind.in_(kinds))
            .order_by(CspRefusal.id.desc())
        )
        return {row.subject: row.sentence for row in found}


def sentence_of(trouble: Exception) -> str:
    """Why something could not be read, in the user's words, with what Microsoft's support asks for."""
    if isinstance(trouble, Refused):
        said = " ".join(trouble.description.split())[:500] or N_("Microsoft refuses it.")
        return f"{said} ({', '.join(one for one in (str(trouble.status), f'code {trouble.code}' if trouble.code else '') if one)})"
    if isinstance(trouble, Unreachable):
        return f"{N_('Microsoft did not answer.')} {str(trouble)[:300]}".strip()
    if isinstance(trouble, GoesInCircles):
        return str(trouble)
    return f"{N_('The answer could not be read.')} ({type(trouble).__name__})"
