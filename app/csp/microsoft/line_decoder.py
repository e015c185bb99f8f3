"""Pages of lines made of what was sent, in a process beside this one where there are many: decoding takes half of a discovery's time, and
would hold up who writes.

    decoder = LineDecoder()
    records, next_cursor = decoder.page(body, cursor, api, kind)       # of v1
    records = decoder.rows(json_lines, kind)                           # of an export's slice
    decoder.close()

It says what page_of() and rows_of() say, there or here. The other process knows nothing but what it is given, and ends when its pipe
does: killed with us, it is left behind by nobody. Where it dies by itself, or cannot be had, everything is decoded here.
"""

import marshal
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from app.csp.digests import LinesDigest
from app.csp.microsoft.decoding import Garbled, objects_of_lines
from app.csp.microsoft.lines import lines_of
from app.csp.microsoft.paging import Collection, following
from app.csp.microsoft.records import Line, Refused
from app.csp.microsoft.spelling import Unreadable

#: bytes of lines that are decoded here first: a few documents are not worth a process
AT_FIRST = 4_000_000
_LENGTH = 8
_ROOT = Path(__file__).parents[3]
#: a secret has no business there
_PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH")

_line = partial(tuple.__new__, Line)


class DecodedLines(list[Line]):
    """In their order, with their digest, made where they were decoded."""

    __slots__ = ("digest",)

    def __init__(self, lines: Iterable[Line], digest: LinesDigest) -> None:
        super().__init__(lines)
        self.digest = digest


#: of its records, and what asks for the page after it
Decoded = tuple[DecodedLines, Mapping[str, Any] | None]


class Kind(NamedTuple):
    line_type: str
    provider: str
    #: of lines that say none
    currency: str = ""


def page_of(body: bytes, cursor: Mapping[str, Any], api: str, kind: Kind) -> Decoded:
    """v1's collection: its lines in their order, and the cursor after `cursor`."""
    page = Collection(body)
    return _lines(page.items, kind), following(cursor, page, api)


def rows_of(rows: bytes, kind: Kind) -> DecodedLines:
    """JSON lines of an export, none left out."""
    return _lines(objects_of_lines(rows), kind)


def _lines(items: list[dict[str, Any]], kind: Kind) -> DecodedLines:
    lines = lines_of(items, line_type=kind.line_type, provider=kind.provider, currency=kind.currency)
    return DecodedLines(lines, LinesDigest.of(lines))


class LineDecoder:
    """Used by the threads of one account; one of them at a time is answered."""

    def __init__(self, at_first: int | None = None) -> None:
        #: bytes that are decoded here before the other process is begun
        self._at_first = AT_FIRST if at_first is None else at_first
        #: nothing is asked of it any more, or ever
        self._is_over = _cores() < 2
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def page(self, body: bytes, cursor: Mapping[str, Any], api: str, kind: Kind) -> Decoded:
        if not self._is_there(len(body)):
            return page_of(body, cursor, api, kind)
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in cursor.items()}
        said = self._asked("page", body, tuple(kind), plain, api)
        return page_of(body, cursor, api, kind) if said is None else (_told(*said[0]), said[1])

    def rows(self, rows: bytes, kind: Kind) -> DecodedLines:
        said = self._asked("rows", rows, tuple(kind)) if self._is_there(len(rows)) else None
        return rows_of(rows, kind) if said is None else _told(*said)

    def close(self) -> None:
        with self._one_at_a_time:
            self._is_over = True
            self._end()

    def _is_there(self, size: int) -> bool:
        """Whether so much is decoded by the other process, which is begun by the first that is."""
        self._at_first -= size
        return self._at_first < 0 and not self._is_over

    def _asked(self, *asked: Any) -> Any:
        """What the other process says; its refusals are raised. None where it says nothing any more."""
        with self._one_at_a_time:
            if self._is_over:
                return None
            try:
                process = self._process = self._process or _begun()
                assert process.stdin is not None
                assert process.stdout is not None
                _put(process.stdin, asked)
                told = _got(process.stdout)
            except (OSError, ValueError):
                told = None
            if told is None:
                self._is_over = True
                self._end()
                return None
        said, name, why = told
        if name:
            raise _TROUBLES[name](*why)
        return said

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it keeps nothing
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        process.wait()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begun() -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C in our terminal is for us to hear, and it ends with us."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(  # noqa: S603  ourselves
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=environment, start_new_session=True
    )  # fmt: skip


# What goes through the pipes: a length, and Python's own spelling of plain values, which reads a line in a third of a microsecond.


def _spelled(lines: DecodedLines) -> tuple[list[tuple[str, ...]], str]:
    return list(map(tuple, lines)), lines.digest.hexdigest()


def _told(lines: list[tuple[str, ...]], digest: str) -> DecodedLines:
    return DecodedLines(map(_line, lines), LinesDigest(digest))


def _put(pipe: IO[bytes], value: Any) -> None:
    spelled = marshal.dumps(value)
    pipe.write(len(spelled).to_bytes(_LENGTH, "big"))
    pipe.write(spelled)
    pipe.flush()


def _got(pipe: IO[bytes]) -> Any:
    """None at the pipe's end."""
    length = pipe.read(_LENGTH)
    if len(length) < _LENGTH:
        return None
    size = int.from_bytes(length, "big")
    spelled = pipe.read(size)
    return marshal.loads(spelled) if len(spelled) == size else None  # noqa: S302  nobody else holds our own process's pipe


# What the other process does.

_TROUBLES: dict[str, Callable[..., Exception]] = {"Garbled": Garbled, "Unreadable": Unreadable, "Refused": Refused}


def _answer(function: str, sent: bytes, kind: tuple[str, str, str], cursor: Any = None, api: str = "") -> Any:
    """(what it says, "", ()), or (None, the name of its trouble, what that says)."""
    try:
        if function == "rows":
            return _spelled(rows_of(sent, Kind(*kind))), "", ()
        records, after = page_of(sent, cursor, api, Kind(*kind))
        return (_spelled(records), after), "", ()
    except Refused as no:
        return None, "Refused", (no.status, no.code, no.description)
    except (Garbled, Unreadable) as wrong:
        return None, type(wrong).__name__, (str(wrong),)


def _serve(asked: IO[bytes], told: IO[bytes]) -> None:
    while (given := _got(asked)) is not None:
        _put(told, _answer(*given))


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        _serve(sys.stdin.buffer, sys.stdout.buffer)
