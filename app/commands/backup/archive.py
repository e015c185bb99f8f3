"""The file of a backup: one gzip of JSON lines, the same from SQLite and from PostgreSQL, read and written in flat memory.

    {"partner-portal-backup": 1, "created_at": ..., "portal": "0.3.0", "migration": "15260d621bea", "database": ..., "key": ...}
    {"table": "organisation", "columns": [["name", "text"], ["id", "uuid"]]}
    ["Acme Logistics","0199a1..."]                                    a line a row
    {"end": "organisation", "rows": 1, "sha256": ...}                 over the lines of the rows
    ...
    {"end of backup": {"tables": 27, "rows": 120345}, "sha256": ...}  over every line before it

A file that was cut lacks its last line; one that was changed does not fit its digests. A person who changes it on purpose can
make new digests: what history chains and the self-check then say is for `flask check all`.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from app.commands.backup import columns

MARK, FORMAT = "partner-portal-backup", 1
_LAST = "end of backup"
#: no row is that long: text is bounded by its forms, and files by their size
LONGEST_LINE = 256 * 1024 * 1024


class BadBackup(Exception):
    """Why the file is not restored, in one sentence."""


@dataclass(frozen=True)
class Table:
    """A table as the file holds it: (name, kind) of each column, how many rows, their digest."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """What the file says of itself, and what was found to be true."""

    created_at: str
    portal: str
    migration: str
    database: str
    #: fingerprint of the SECRET_KEY under which it was made
    key: str
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Writer:
    """Writes one file, line by line."""

    def __init__(self, to: IO[bytes], manifest: Manifest) -> None:
        self._zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=to, mtime=0)
        self._digest = hashlib.sha256()
        self._tables = self._rows = 0
        head = {"created_at": manifest.created_at, "portal": manifest.portal, "migration": manifest.migration}
        self._line({MARK: FORMAT, **head, "database": manifest.database, "key": manifest.key})

    def table(self, table: Table, rows: Iterable[Sequence[Any]]) -> int:
        self._line({"table": table.name, "columns": table.columns})
        digest, count = hashlib.sha256(), 0
        for row in rows:
            digest.update(self._line(row))
            count += 1
        self._line({"end": table.name, "rows": count, "sha256": digest.hexdigest()})
        self._tables, self._rows = self._tables + 1, self._rows + count
        return count

    def close(self) -> None:
        whole = {"tables": self._tables, "rows": self._rows}
        self._line({_LAST: whole, "sha256": self._digest.hexdigest()})
        self._zipped.close()

    def _line(self, value: Any) -> bytes:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(line)
        self._zipped.write(line)
        return line


def verified(file: Path, told: Callable[[int], None] = lambda rows: None) -> Manifest:
    """Read the whole file and believe nothing: BadBackup unless every line, count and digest is as it says."""
    try:
        with gzip.open(file, "rb") as lines:
            return _walked(_bounded(lines), told)
    except FileNotFoundError:
        raise BadBackup(f"There is no file {file}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as wrong:
        raise BadBackup(f"{file.name} is cut off or damaged, so nothing was restored: {wrong}.") from wrong
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise BadBackup(f"{file.name} is no backup of this portal, or it was changed: {wrong}.") from wrong


def rows_by_table(file: Path) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    """(table, its rows) in the order of the file, which has been verified. Each table's rows are read before the next table."""
    with gzip.open(file, "rb") as lines:
        next(lines)
        for line in lines:
            head = json.loads(line)
            if _LAST in head:
                return
            yield head["table"], _rows_of(lines)


def _rows_of(lines: Iterable[bytes]) -> Iterator[list[Any]]:
    for line in lines:
        if not line.startswith(b"["):
            return
        yield json.loads(line)


def _walked(lines: Iterator[bytes], told: Callable[[int], None]) -> Manifest:
    digest = hashlib.sha256()
    first = next(lines, b"")
    manifest = _head(json.loads(first) if first.startswith(b"{") else {})
    digest.update(first)
    seen = 0
    for line in lines:
        head = json.loads(line)
        if _LAST in head:
            _check_end(head, manifest, digest.hexdigest(), next(lines, b""))
            return manifest
        digest.update(line)
        table = Table(head["table"], tuple((name, kind) for name, kind in head["columns"]))
        unknown = [kind for _, kind in table.columns if kind not in columns.KINDS]
        if unknown or not all(isinstance(name, str) for name, _ in table.columns) or table.name in manifest.tables:
            raise ValueError(f"table {table.name} is not described as this portal does it")
        manifest.tables[table.name] = _table(table, lines, digest)
        told(seen := seen + manifest.tables[table.name].rows)
    raise EOFError("its last line is missing")


def _head(head: dict[str, Any]) -> Manifest:
    if MARK not in head:
        raise ValueError("its first line is not a backup's")
    if head[MARK] != FORMAT:
        raise BadBackup(
            f"This backup is of format {head[MARK]}, and this portal reads format {FORMAT}: use the portal {head.get('portal')} that made it."
        )
    named = {name: head[name] for name in ("created_at", "portal", "migration", "database", "key")}
    if not all(isinstance(value, str) for value in named.values()):
        raise ValueError("its first line is not a backup's")
    return Manifest(**named)


def _table(table: Table, lines: Iterator[bytes], whole: Any) -> Table:
    fits = [columns.KINDS[kind].fits for _, kind in table.columns]
    digest, count = hashlib.sha256(), 0
    for line in lines:
        whole.update(line)
        value = json.loads(line)
        if isinstance(value, list):
            digest.update(line)
            count += 1
            if len(value) != len(fits) or not all(fit(cell) for fit, cell in zip(fits, value, strict=True)):
                raise ValueError(f"row {count} of {table.name} does not fit its columns")
            continue
        if (value["end"], value["rows"], value["sha256"]) != (table.name, count, digest.hexdigest()):
            raise ValueError(f"the rows of {table.name} do not fit their digest")
        return Table(table.name, table.columns, count, value["sha256"])
    raise EOFError(f"it ends within {table.name}")


def _check_end(head: dict[str, Any], manifest: Manifest, sha256: str, rest: bytes) -> None:
    if head != {_LAST: {"tables": len(manifest.tables), "rows": manifest.rows}, "sha256": sha256}:
        raise ValueError("its parts do not fit its last line")
    if rest:
        raise ValueError("something follows its last line")


def _bounded(lines: gzip.GzipFile) -> Iterator[bytes]:
    while line := lines.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            raise EOFError("its last line is cut")
        yield line
