"""What is no whole backup of a portal this one knows is refused in one sentence, before anything is touched."""

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import inspect

from app.engagements import search_index
from app.foundation.database import Base, db
from app.jobs import claim_tables
from tests.commands.conftest import NewPortal, names, run


def _lines(file: Path) -> list[bytes]:
    return gzip.decompress(file.read_bytes()).splitlines(keepends=True)


def _first_row(lines: list[bytes], table: str) -> int:
    return next(n for n, line in enumerate(lines) if line.startswith(f'{{"table":"{table}"'.encode())) + 1


def _one_letter(file: Path) -> bytes:
    lines = _lines(file)
    at = _first_row(lines, "organisation")
    row = lines[at].decode()
    lines[at] = f"{row[:2]}\N{PILE OF POO}{row[3:]}".encode()
    return gzip.compress(b"".join(lines))


def _one_row_less(file: Path) -> bytes:
    lines = _lines(file)
    del lines[_first_row(lines, "charge_line")]
    return gzip.compress(b"".join(lines))


def _a_table_less(file: Path) -> bytes:
    lines = _lines(file)
    at = _first_row(lines, "recovery_code") - 1
    del lines[at : at + 2]
    return gzip.compress(b"".join(lines))


def _head(**changed: Any) -> Callable[[Path], bytes]:
    def of(file: Path) -> bytes:
        lines = _lines(file)
        lines[0] = json.dumps({**json.loads(lines[0]), **changed}).encode() + b"\n"
        return gzip.compress(b"".join(lines))

    return of


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.read_bytes()[:-9], "cut off or damaged"),
        (lambda file: file.read_bytes()[: file.stat().st_size // 2], "cut off or damaged"),
        (lambda file: gzip.compress(b"".join(_lines(file)[:-1])), "its last line is missing"),
        (lambda file: gzip.compress(b"".join(_lines(file))[:-1]), "cut"),
        (lambda file: gzip.compress(b"".join(_lines(file)[:500])), "it ends within"),
        (lambda file: file.read_bytes() + gzip.compress(b"more\n"), "something follows"),
        (_one_letter, "do not fit their digest"),
        (_one_row_less, "do not fit their digest"),
        (_a_table_less, "do not fit its last line"),
        (_head(**{"partner-portal-backup": 2}), "format 2"),
        (_head(migration="f00dfeedbeef"), "its parts do not fit"),
        (lambda file: b"PK\x03\x04 not ours", "cut off or damaged"),
        (lambda file: gzip.compress(b"[[[[\n" * 10), "no backup of this portal"),
        (lambda file: gzip.compress(b"[" * 100_000 + b"\n"), "no backup of this portal"),
        (lambda file: b"", "no backup of this portal"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_in_one_sentence(
    file: Path, year: Flask, tmp_path: Path, spoil: Callable[[Path], bytes], said: str
) -> None:
    spoiled = tmp_path / "spoiled"
    spoiled.write_bytes(spoil(file))
    refused = run(year, "restore", "--replace", spoiled)
    assert refused.exit_code == 1
    assert (
        said in refused.output and len(refused.output.strip().splitlines()) == 1 and "Traceback" not in refused.output
    )
    assert "Acme Logistics" in names(year)


def _written(file: Path, to: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """The file as somebody would write it who makes digests as well."""
    out: list[bytes] = []
    rows, tables, count = sha256(), 0, 0
    total = 0
    for line in change(_lines(file)):
        head = json.loads(line) if line.startswith(b"{") else {}
        if "table" in head:
            rows, count, tables = sha256(), 0, tables + 1
        elif "end" in head:
            line = (
                json.dumps({**head, "rows": count, "sha256": rows.hexdigest()}, separators=(",", ":")).encode() + b"\n"
            )
            total += count
        elif "end of backup" in head:
            end = {"end of backup": {"tables": tables, "rows": total}, "sha256": sha256(b"".join(out)).hexdigest()}
            line = json.dumps(end).encode() + b"\n"
        elif not head:
            rows.update(line)
            count += 1
        out.append(line)
    to.write_bytes(gzip.compress(b"".join(out)))
    return to


def test_a_newer_portals_backup_is_refused(file: Path, year: Flask, tmp_path: Path) -> None:
    def newer(lines: list[bytes]) -> list[bytes]:
        return [json.dumps({**json.loads(lines[0]), "migration": "f00dfeedbeef"}).encode() + b"\n", *lines[1:]]

    refused = run(year, "restore", "--replace", _written(file, tmp_path / "newer", newer))
    assert refused.exit_code == 1 and "f00dfeedbeef, which this portal does not know" in refused.output


def test_an_older_portals_backup_is_loaded_at_its_migration_and_brought_forward(
    file: Path, new_portal: NewPortal, tmp_path: Path
) -> None:
    first = _first_tables(new_portal(migrated=False))

    def older(lines: list[bytes]) -> list[bytes]:
        """As the first portal would have written it: without what later migrations made."""
        kept = [json.dumps({**json.loads(lines[0]), "migration": FIRST}).encode() + b"\n"]
        places: list[int] | None = None
        quantity: int | None = None
        for line in lines[1:]:
            said = json.loads(line)
            if isinstance(said, list):
                if places is None or (quantity is not None and said[quantity] <= 0):
                    continue  # a table, or a reversal, that came later
                said = [said[place] for place in places]
            elif "table" in said:
                named = [name for name, _kind in said["columns"]]
                known = first.get(said["table"])
                places = None if known is None else [n for n, name in enumerate(named) if name in known]
                quantity = named.index("quantity") if said["table"] == "billing_entry" else None
                if places is not None:
                    said["columns"] = [said["columns"][place] for place in places]
            if places is not None:
                kept.append(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
            if isinstance(said, dict) and "end" in said:
                places = []
        return kept

    app = new_portal(migrated=False)
    done = run(app, "restore", _written(file, tmp_path / "older", older))
    # what later migrations made is missing from these rows, as no real older file's would be: the self-check says so
    assert "Restored." in done.output, done.output
    with app.app_context():
        here = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
        here = {table for table in here if not table.startswith(search_index.NAME)}  # no models: triggers keep them
        of_the_engine = set(claim_tables.TABLES) if db.engine.dialect.name == "postgresql" else set()
        assert here == set(Base.metadata.tables) | of_the_engine
    assert "Acme Logistics" in names(app)


#: the first migration
FIRST = "15260d621bea"


def _first_tables(app: Flask) -> dict[str, set[str]]:
    """Table -> its columns, as the first migration makes them."""
    with app.app_context():
        upgrade(revision=FIRST)
        here = inspect(db.engine)
        found = {name: {column["name"] for column in here.get_columns(name)} for name in here.get_table_names()}
        db.session.remove()
    return found


def test_rows_that_point_nowhere_are_refused_before_anything_is_touched(
    file: Path, new_portal: NewPortal, tmp_path: Path
) -> None:
    def without_an_engagement(lines: list[bytes]) -> list[bytes]:
        at = _first_row(lines, "engagement")
        return lines[:at] + lines[at + 1 :]

    app = new_portal()
    refused = run(app, "restore", _written(file, tmp_path / "torn", without_an_engagement))
    assert refused.exit_code == 1 and len(refused.output.strip().splitlines()) == 2, refused.output
    assert names(app) == set()


@pytest.mark.parametrize("twice", [True, False])
def test_rows_that_the_tables_refuse_are_refused_in_one_sentence(
    file: Path, new_portal: NewPortal, tmp_path: Path, twice: bool
) -> None:
    """The same row twice; a value missing where there must be one."""

    def spoiled(lines: list[bytes]) -> list[bytes]:
        at = _first_row(lines, "organisation")
        if twice:
            return [*lines[: at + 1], *lines[at:]]
        row = [None, *json.loads(lines[at])[1:]]
        return [*lines[:at], json.dumps(row).encode() + b"\n", *lines[at + 1 :]]

    app = new_portal()
    refused = run(app, "restore", _written(file, tmp_path / "spoiled", spoiled))
    assert refused.exit_code == 1 and "Nothing was restored" in refused.output and "Traceback" not in refused.output
    assert len(refused.output.strip().splitlines()) == 2, refused.output
    assert names(app) == set()


def test_tampering_with_new_digests_is_what_the_self_check_is_for(
    file: Path, new_portal: NewPortal, tmp_path: Path
) -> None:
    def dearer(lines: list[bytes]) -> list[bytes]:
        at = _first_row(lines, "charge_line")
        described = json.loads(lines[at - 1])["columns"]
        row = json.loads(lines[at])
        row[[name for name, _ in described].index("gross_minor")] += 100
        return [*lines[:at], json.dumps(row, ensure_ascii=False).encode() + b"\n", *lines[at + 1 :]]

    app = new_portal()
    done = run(app, "restore", _written(file, tmp_path / "dearer", dearer))
    assert done.exit_code == 1 and "WRONG  each rated entry has the charge line" in done.output
    assert "Everything holds" not in done.output
