"""The only source of the present instant. Columns and rules receive what `now()` says; nobody else asks the machine.

In demo mode the clock may be moved: one small file holds the offset in seconds, so that the server, its jobs and the
command line agree without asking the database.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path

_pinned: ContextVar[datetime | None] = ContextVar("pinned", default=None)
_demo_file: Path | None = None
_offset: tuple[int, timedelta] = (-1, timedelta())


def now() -> datetime:
    """The present instant: aware, UTC, to the microsecond."""
    return _pinned.get() or datetime.now(UTC) + _demo_offset()


@contextmanager
def pinned(instant: datetime) -> Iterator[None]:
    """Let it be `instant` inside the block: the demo's year is lived through the real actions, when they happened, and a page
    is drawn at one instant."""
    token = _pinned.set(instant)
    try:
        yield
    finally:
        _pinned.reset(token)


def of_the_machine() -> datetime:
    """The machine's own time, never moved: only for what is agreed with other clocks, as one-time codes are."""
    return datetime.now(UTC)


def follow(demo_file: Path | None) -> None:
    """Read the demo's offset from this file from now on; None: the machine's own time."""
    global _demo_file, _offset
    _demo_file, _offset = demo_file, (-1, timedelta())


def move(instant: datetime) -> None:
    """Let the demo's clock show `instant` now and run on from there. Only after follow(file)."""
    if _demo_file is None:
        raise RuntimeError("The clock can be moved in demo mode only (DEMO=1).")
    seconds = (instant - datetime.now(UTC)).total_seconds()
    _demo_file.parent.mkdir(parents=True, exist_ok=True)
    fresh = _demo_file.with_suffix(".new")
    fresh.write_text(f"{seconds:.6f}\n")
    fresh.replace(_demo_file)


def stop_moving() -> None:
    """Back to the machine's own time."""
    if _demo_file is not None:
        _demo_file.unlink(missing_ok=True)


def parse_instant(text: str) -> datetime:
    """'2026-11-02T23:59:50Z' as an aware UTC datetime. ValueError when it names no zone."""
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} names no zone; write it in UTC, as 2026-11-02T23:59:50Z")
    return instant.astimezone(UTC)


def _demo_offset() -> timedelta:
    global _offset
    if _demo_file is None:
        return timedelta()
    try:
        changed = os.stat(_demo_file).st_mtime_ns
    except FileNotFoundError:
        return timedelta()
    if changed != _offset[0]:
        _offset = (changed, timedelta(seconds=float(_demo_file.read_text())))
    return _offset[1]
