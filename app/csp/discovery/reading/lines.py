"""Invoice lines: documents whose lines are due, some at a time, each page by page into a version of its own."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from queue import Empty, Queue
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DataError

from app.csp.accounts.states import INDIRECT_RESELLER
from app.csp.discovery import rules
from app.csp.discovery.reading import document_reader as reader
from app.csp.discovery.reading.work import LISTENS_EVERY_SECONDS, Progress, Work, sentence_of
from app.csp.discovery.rules import COMPARE, GIVE_UP_AFTER, LOAD
from app.csp.discovery.states import LINES
from app.csp.invoices import line_arrivals
from app.csp.invoices.line_arrivals import Filling
from app.csp.invoices.model import CspDocument, CspDocumentVersion
from app.csp.invoices.passing import Known, Prices
from app.csp.invoices.rules import otherwise_on
from app.csp.microsoft.records import Document, LineSet, Paused, Refused, SignInNeeded, Unreachable
from app.csp.microsoft.sources import source_of
from app.foundation.database import db, end_reading, writing

log = structlog.get_logger(__name__)

#: pages that wait for the writer; with those being read they are all the lines that are ever in memory
PAGES_AHEAD = 4
#: pieces that are written in one transaction, where so many have come
TOGETHER = 6


def read(work: Work) -> None:
    progress = work.begin(LINES)
    due = [] if work.model == INDIRECT_RESELLER else _due(work)
    if "of" not in progress.cursor:
        progress.cursor = {"documents": 0, "of": len(due)}
    _Writer(work, progress, iter(due)).run()
    with work.page(progress):
        progress.known = progress.done
        work.end(progress)


_DOCUMENTS = select(
    CspDocument.id, CspDocument.number, CspDocument.invoice_type, CspDocument.invoice_date, CspDocument.period_start,
    CspDocument.period_end, CspDocument.currency, CspDocument.line_sets, CspDocument.digest.label("listed"), CspDocument.difference,
    CspDocument.reconciled_at, CspDocument.version_id, CspDocumentVersion.complete_at, CspDocumentVersion.source,
    CspDocumentVersion.lines, CspDocumentVersion.digest, CspDocumentVersion.cursor,
).outerjoin(CspDocumentVersion, CspDocumentVersion.id == CspDocument.version_id)  # fmt: skip


def _due(work: Work) -> list[tuple[Any, str]]:
    """Documents and their plans, the newest first: what people look for. Without those this run is through with."""
    rows = db.session.execute(
        _DOCUMENTS.where(CspDocument.account_id == work.owner.account_id).order_by(
            CspDocument.invoice_date.desc(), CspDocument.number
        )
    ).all()
    through = set(db.session.scalars(work.listed_so_far(LINES)))
    due = []
    for row in rows:
        read = rules.DocumentRead(
            row.invoice_date, row.version_id is not None, row.reconciled_at is not None, row.difference, row.complete_at
        )
        plan = rules.lines_due(
            read, newest=rows[0].invoice_date, goes_on_from=work.goes_on_from, is_its_turn=rules.is_its_turn(row.number, work.number)
        )  # fmt: skip
        if plan is not None and row.number not in through:
            due.append((row, plan))
    return due


class _Writer:
    """Takes what the readers give, what has come meanwhile in one transaction, and keeps as many readers at work as requests may be made."""

    def __init__(self, work: Work, progress: Progress, due: Iterator[tuple[Any, str]]) -> None:
        self._work, self._progress, self._due = work, progress, due
        self._cut_short = line_arrivals.unfinished(work.owner.account_id)
        self._queue: Queue[Any] = Queue(PAGES_AHEAD)
        self._cancelled = threading.Event()
        #: of those that are read or still to be written, and how many are read
        self._rows: dict[str, Any] = {}
        self._reading = 0
        #: trouble that waits until what came before it is committed
        self._held: Any = None
        self._fillings: dict[str, Filling] = {}
        self._known = Known(work.owner.account_id)
        #: of those whose version could not be written: their readers are not listened to any more
        self._given_up: set[str] = set()
        #: lines counted as read of each document under way; read a second time they count once
        self._counted: dict[str, int] = {}
        self._in_vain = 0

    def run(self) -> None:
        end_reading()  # nothing holds a snapshot while answers are waited for
        try:
            while self._start_readers():
                self._write(self._first_pieces())
        finally:
            self._cancelled.set()

    def _start_readers(self) -> bool:
        """Whether there is anything to come."""
        while self._reading < self._work.fetchers.at_once:
            found = next(self._due, None)
            if found is None:
                break
            row, plan = found
            given = self._given(row, plan)
            self._rows[row.number] = row
            self._reading += 1
            self._work.fetchers.submit(reader.Reader(self._work.client, given, self._queue, self._cancelled))
        return bool(self._rows)

    def _given(self, row: Any, plan: str) -> reader.Given:
        go_on = None
        if (version := self._cut_short.pop(row.id, None)) is not None:
            begun = rules.may_go_on_with(
                version.cursor.get("listed"), row.listed, version.begun_at, self._work.begun_at
            )
            if begun and len(version.cursor) > 1:
                plan, go_on = LOAD, (version.source, dict(version.cursor))
                self._fillings[row.number] = line_arrivals.go_on(version, self._prices(row))
                if not writing():
                    end_reading()
        document = _record_of(row)
        given = reader.Given(row.number, row.currency, document.line_sets, row.listed, plan, "", go_on=go_on)
        if plan == COMPARE:
            mark = row.cursor.get("mark", "")
            return given._replace(source=row.source, lines=row.lines, digest=row.digest, mark=mark)
        return given._replace(source=row.source or source_of(document))

    def _prices(self, row: Any) -> Prices:
        return Prices(self._known, otherwise_on(row))

    def _first_pieces(self) -> list[Any]:
        """What there has to be before it is written: something, and of a mere beginning what follows it."""
        pieces = [self._held or self._next_piece()]
        self._held = None
        if isinstance(pieces[0], reader.Begun):
            piece = self._next_piece()  # however long that takes, nothing that was read waits to be written
            if _is_trouble(piece):
                self._held = piece
            else:
                pieces.append(piece)
        return pieces

    def _pieces(self, first: list[Any]) -> Iterator[Any]:
        """And what has come meanwhile, each taken only when those before it are written: whoever reads goes on all the time. Trouble,
        which may end the run, stands by itself."""
        taken = 0
        for piece in first:
            taken += 1
            yield self._taken(piece)
        while taken < TOGETHER and self._held is None and not _is_trouble(first[-1]):
            try:
                piece = self._queue.get_nowait()
            except Empty:
                return
            if _is_trouble(piece):
                self._held = piece
            else:
                taken += 1
                yield self._taken(piece)

    def _taken(self, piece: Any) -> Any:
        """What has ended makes room while its end is written."""
        if isinstance(piece, reader.Ended):
            self._reading -= 1
            self._start_readers()
        return piece

    def _next_piece(self) -> Any:
        while True:
            try:
                return self._queue.get(timeout=LISTENS_EVERY_SECONDS)
            except Empty:
                self._work.listen()

    def _write(self, first: list[Any]) -> None:
        """One transaction. What no column takes is that piece's document's alone: the others' pieces stay."""
        unfit: list[tuple[Any, DataError]] = []
        with self._work.page(self._progress):
            for piece in self._pieces(first):
                row = self._rows[piece.number]
                if piece.number in self._given_up:
                    if isinstance(piece, reader.Ended):
                        self._rows.pop(piece.number)
                    continue
                try:
                    self._take(row, piece)
                except DataError as wrong:
                    log.warning("lines_unfit", document=piece.number, why=str(wrong.orig)[:200])
                    if not isinstance(piece, reader.Ended):
                        self._given_up.add(piece.number)
                    unfit.append((row, wrong))
        for row, why in unfit:
            self._give_up(row, why)

    def _take(self, row: Any, piece: Any) -> None:
        progress = self._progress
        before = (progress.done, progress.new, progress.changed, dict(progress.cursor))
        try:
            with db.session.begin_nested():
                if isinstance(piece, reader.Begun):
                    progress.done -= self._counted.pop(piece.number, 0)
                    self._fillings[piece.number] = line_arrivals.begin(
                        row.id, self._work.owner.partner_id, piece.source, piece.cursor, self._prices(row)
                    )
                elif isinstance(piece, reader.Lines):
                    self._fillings[piece.number].take(piece.lines, piece.lines.digest, piece.cursor)
                    self._count(piece.number, len(piece.lines))
                elif isinstance(piece, reader.Compared):
                    self._count(piece.number, piece.lines)
                else:
                    self._end(row, piece)
        except DataError:
            progress.done, progress.new, progress.changed, progress.cursor = before
            raise

    def _end(self, row: Any, ended: reader.Ended) -> None:
        self._rows.pop(row.number)
        self._counted.pop(row.number, None)
        filling = self._fillings.pop(row.number, None)
        if ended.trouble is not None:
            self._refused(row, ended.trouble)
        elif ended.the_same:
            self._in_vain = 0
        else:
            assert filling is not None
            self._in_vain = 0
            self._gain(row, line_arrivals.put_in_force(filling, by=self._work.by))
        self._through(row.number)

    def _count(self, number: str, lines: int) -> None:
        self._progress.done += lines
        self._counted[number] = self._counted.get(number, 0) + lines

    def _gain(self, row: Any, gained: int | None) -> None:
        if gained is None:
            return
        self._progress.new += max(0, gained)
        if row.version_id is not None and gained <= 0:
            self._progress.changed += max(1, -gained)

    def _refused(self, row: Any, trouble: Exception) -> None:
        if isinstance(trouble, SignInNeeded | Paused):
            raise trouble
        if isinstance(trouble, Unreachable):
            self._in_vain += 1
            if self._in_vain >= GIVE_UP_AFTER:
                raise trouble
        elif isinstance(trouble, Refused):
            self._in_vain = 0
        else:
            log.warning("lines_unread", document=row.number, why=repr(trouble)[:300])
        self._work.note_refusal(LINES, row.number, row.number, trouble)
        line_arrivals.refuse(row.id, sentence_of(trouble))

    def _through(self, number: str) -> None:
        """This run is through with it: whoever takes the run over reads it no more."""
        self._work.listed(LINES, [number])
        self._progress.cursor = {**self._progress.cursor, "documents": self._progress.cursor["documents"] + 1}

    def _give_up(self, row: Any, unfit: DataError) -> None:
        self._fillings.pop(row.number, None)
        with self._work.page(self._progress):
            line_arrivals.give_up_unfinished(row.id)
            self._work.note_refusal(LINES, row.number, row.number, unfit)
            line_arrivals.refuse(row.id, sentence_of(unfit))
            self._through(row.number)


def _is_trouble(piece: Any) -> bool:
    return isinstance(piece, reader.Ended) and piece.trouble is not None


def _record_of(row: Any) -> Document:
    """As the wire knows documents, as far as it decides where lines come from."""
    sets = [LineSet(one["provider"], one["type"]) for one in row.line_sets]
    return Document(
        row.number, "", row.invoice_type, None, row.invoice_date, None, row.period_end, row.currency, Decimal(0), None, sets, ()
    )  # fmt: skip
