"""One document's lines, from Microsoft to the writer: a thread reads them page by page, from whichever source gives them.

Knows no database: what it learns it puts into a bounded queue. A document is compared first where nothing says that its lines have
changed: then the lines are only counted and digested as they come, and read a second time if they are others.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Full, Queue
from typing import Any, NamedTuple

from app.csp.digests import LinesDigest
from app.csp.discovery.rules import COMPARE
from app.csp.microsoft.line_decoder import DecodedLines
from app.csp.microsoft.records import Changed, LineSet, Refused
from app.csp.microsoft.sources import V1, other

PUT_WAITS_SECONDS = 0.5
#: between the marks of a document's exports
_BETWEEN = ";"
#: how often a document that changes while it is read is begun anew
ANEW = 2


class Given(NamedTuple):
    """What a reader is told of its document."""

    number: str
    currency: str
    line_sets: Sequence[LineSet]
    #: what the listing says of it, as a digest: a reading that began under another is not gone on with
    listed: str
    #: LOAD or COMPARE
    plan: str
    #: the source that is tried first
    source: str
    #: of the version in force
    lines: int = 0
    digest: str = ""
    mark: str = ""
    #: where a reading that was cut short goes on: its source and its cursor
    go_on: tuple[str, Mapping[str, Any]] | None = None


class Begun(NamedTuple):
    """A new version is to be filled from the first line on."""

    number: str
    source: str
    cursor: Mapping[str, Any]


class Lines(NamedTuple):
    number: str
    lines: DecodedLines
    cursor: Mapping[str, Any]


class Compared(NamedTuple):
    """So many lines were read and are counted; nothing is written of them."""

    number: str
    lines: int


class Ended(NamedTuple):
    """The last one: all lines were given, they are `the_same` as those in force, or why they cannot be had."""

    number: str
    the_same: bool = False
    trouble: Exception | None = None


class Cancelled(Exception):
    """The run ends; nobody takes pieces any more."""


class Reader:
    def __init__(self, client: Any, given: Given, queue: "Queue[Any]", cancelled: threading.Event) -> None:
        self._client, self._given, self._queue, self._cancelled = client, given, queue, cancelled

    def __call__(self) -> None:
        try:
            the_same = self._given.plan == COMPARE and self._compare()
            if not the_same:
                self._any_source(self._load)
            self._put(Ended(self._given.number, the_same=the_same))
        except Cancelled:
            pass
        except Exception as trouble:
            self._put(Ended(self._given.number, trouble=trouble))

    def _put(self, piece: Any) -> None:
        while not self._cancelled.is_set():
            try:
                self._queue.put(piece, timeout=PUT_WAITS_SECONDS)
                return
            except Full:
                continue
        raise Cancelled

    def _any_source(self, use: Callable[[str, Mapping[str, Any] | None], Any]) -> Any:
        """From where it was cut short, else from the beginning, and from there again where the lines change meanwhile."""
        if self._given.go_on is not None:
            with suppress(Refused, Changed):  # its mark is used up, or the lines are others by now: from the beginning
                return use(*self._given.go_on)
        for _change in range(ANEW):
            with suppress(Changed):
                return self._either_source(use)
        return self._either_source(use)

    def _either_source(self, use: Callable[[str, Mapping[str, Any] | None], Any]) -> Any:
        """From the first source, else from the other; the first source's no is the one told."""
        given = self._given
        try:
            return use(given.source, None)
        except Refused as no:
            try:
                return use(other(given.source), None)
            except Refused:
                raise no from None

    # reading and comparing

    def _compare(self) -> bool:
        """Whether the lines are those in force."""
        try:
            return bool(self._either_source(self._compare_from))
        except Changed:
            return False

    def _compare_from(self, source: str, _cursor: Mapping[str, Any] | None) -> bool:
        given, digest, count = self._given, LinesDigest(), 0
        for lines, _after in self._pages(source, None, known=given.mark):
            if lines is None:  # its mark is that of the version in force
                self._put(Compared(given.number, given.lines))
                return True
            digest.join(lines.digest)
            count += len(lines)
            self._put(Compared(given.number, len(lines)))
        return (count, digest.hexdigest()) == (given.lines, given.digest)

    # reading and loading

    def _load(self, source: str, cursor: Mapping[str, Any] | None) -> None:
        here = {"listed": self._given.listed}
        if cursor is None:
            self._put(Begun(self._given.number, source, here))
        for lines, after in self._pages(source, cursor):
            assert lines is not None
            self._put(Lines(self._given.number, lines, {**here, **after}))

    def _pages(
        self, source: str, cursor: Mapping[str, Any] | None, known: str = ""
    ) -> Iterator[tuple[DecodedLines | None, dict[str, Any]]]:
        """None once, in place of all lines, where they bear the `known` mark: so for who compares, never for who loads."""
        return self._v1_pages(cursor) if source == V1 else self._graph_pages(cursor, known)

    def _v1_pages(self, cursor: Mapping[str, Any] | None) -> Iterator[tuple[DecodedLines, dict[str, Any]]]:
        """Set after set, each from its first page to the one that names no next."""
        given = self._given
        number, following = (cursor["set"], cursor["next"]) if cursor else (0, None)
        sets = distinct(given.line_sets)
        while number < len(sets):
            page = self._client.lines(given.number, sets[number], given.currency, following)
            following = page.next
            number += following is None
            yield page.records, {"set": number, "next": following}

    def _graph_pages(
        self, cursor: Mapping[str, Any] | None, known: str
    ) -> Iterator[tuple[DecodedLines | None, dict[str, Any]]]:
        """Part after part of the exports, in slices. Their mark says whether anything has changed since they were read."""
        exports = self._exports()
        mark = _BETWEEN.join(export.etag for export in exports) if all(export.etag for export in exports) else ""
        if mark and mark == known:
            yield None, {}
            return
        parts = [(export, blob) for export in exports for blob in range(len(export.blobs))]
        part, skipped = 0, 0
        if cursor is not None:
            if not mark or mark != cursor.get("mark"):
                raise Refused(409, "", "The export has changed since a part of it was read.")
            part, skipped = cursor["part"], cursor["lines"]
        for number in range(part, len(parts)):
            export, blob = parts[number]
            done = skipped if number == part else 0
            for some in export.lines(blob, done):
                done += len(some)
                yield some, {"mark": mark, "part": number, "lines": done}

    def _exports(self) -> list[Any]:
        """The lines that make up the total, and the daily usage behind them where the document names such a set."""
        exports = [self._client.export(self._given.number, "billing")]
        if any("usage" in _plain(one.line_type) for one in self._given.line_sets):
            try:
                exports.append(self._client.export(self._given.number, "usage"))
            except Refused:  # what explains the charges may be missing, the charges are there; but what has it is not
                if _BETWEEN in self._given.mark:  # replaced by what has not
                    raise
        return exports


def distinct(sets: Sequence[LineSet]) -> list[LineSet]:
    """Each set once, whatever way it is spelled: a set that is named twice would be charged twice."""
    seen: dict[tuple[str, str], LineSet] = {}
    for one in sets:
        seen.setdefault((_plain(one.provider), _plain(one.line_type)), one)
    return list(seen.values())


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")
