"""A backup is everything, a restore is all of it or nothing, and both databases read the same file."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from app.commands.backup import columns
from app.commands.backup.archive import verified
from app.commands.backup.staging import SCHEMA
from app.commands.demo import seed_if_empty
from app.commands.demo.people import PASSWORD
from app.foundation import append_only, clock, history
from app.foundation.database import Base, db
from app.foundation.tenancy import acting_for_all
from app.members.model import Member
from app.parties.model import Organisation
from tests.commands.conftest import NewPortal, settings_for
from tests.conftest import on_postgres
from tests.makers import make_engagement, make_entry, make_organisation, make_product
from tests.people import sign_in

REPOSITORY = Path(__file__).parents[2]


def run(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def names(app: Flask) -> set[str]:
    with app.app_context(), acting_for_all("a test looks"):
        found = set(db.session.scalars(select(Organisation.name)))
        db.session.remove()
    return found


@pytest.fixture(scope="module")
def year(new_portal: NewPortal) -> Flask:
    """The demo's year on the database that the tests run on."""
    app = new_portal(DEMO="1")
    seed_if_empty(app)
    return app


@pytest.fixture(scope="module")
def file(year: Flask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "portal.backup"
    done = run(year, "backup", path)
    assert done.exit_code == 0, done.output
    return path


def test_the_file_says_what_it_holds_and_is_its_owners_alone(file: Path) -> None:
    manifest = verified(file)
    assert manifest.tables["history"].rows > 300
    assert "alembic_version" not in manifest.tables
    assert set(manifest.tables) == set(Base.metadata.tables)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(file.parent.glob("*.part"))


@pytest.mark.parametrize("to", ["the same", "the other"])
def test_the_year_comes_back_whole(
    file: Path, new_portal: NewPortal, pytestconfig: pytest.Config, tmp_path: Path, to: str
) -> None:
    """Restored, checked, opened, and backed up again: the same lines, whichever database they went through."""
    if to == "the other" and not on_postgres(pytestconfig):
        pytest.skip("the PostgreSQL run has both")
    app = new_portal("sqlite" if to == "the other" else "", migrated=False, DEMO="1")
    done = run(app, "restore", file)
    assert done.exit_code == 0, done.output
    assert "Everything holds." in done.output and "WRONG" not in done.output
    again = tmp_path / "again"
    assert run(app, "backup", again).exit_code == 0
    assert {t.name: t.sha256 for t in verified(again).tables.values()} == {
        t.name: t.sha256 for t in verified(file).tables.values()
    }
    with app.app_context(), db.engine.connect() as connection:
        assert append_only.unprotected(connection) == []
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text("DELETE FROM history"))
    _walk(app)
    _goes_on(app)
    if to == "the other":  # and back
        back = new_portal("postgresql", migrated=False)
        done = run(back, "restore", again)
        assert done.exit_code == 0, done.output
        _goes_on(back)


def _walk(app: Flask) -> None:
    for email in ("olga@operator.example", "ada@northbridge.example", "dot@acme.example"):
        client = app.test_client()
        sign_in(client, email, PASSWORD)
        menu = [line.path for line in app.extensions["menu"]]
        opened = {path: client.get(path).status_code for path in ("/", *menu)}
        assert set(opened.values()) <= {200, 403}, opened


def _goes_on(app: Flask) -> None:
    """New rows get numbers after the restored ones, and chains go on."""
    with app.app_context():
        with acting_for_all("a test looks"):
            member = db.session.scalars(select(Member).order_by(Member.email).limit(1)).one()
        make_organisation("Newcomer", partner=True)
        with acting_for_all("a test looks"):
            last = db.session.scalars(select(history.History).order_by(history.History.id.desc()).limit(1)).one()
            assert list(history.verify("member", member.id)) == []
            assert last.id > 300
        db.session.remove()
        db.engine.dispose()
    assert run(app, "check", "all").exit_code == 0


def test_values_arrive_exactly(new_portal: NewPortal, tmp_path: Path) -> None:
    """Micro-seconds, JSON's own letters, the largest whole number, emoji, quotes, tabs and backslashes."""
    app, at = new_portal(), datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    name, odd = "Łódź \N{PILE OF POO}", 'x "quoted"\t\\N \\. \n; -- \u2028 \x07 end'
    with app.app_context():
        with clock.pinned(at):
            make_organisation(name, customer=True)
        json_text = '{"b": 1.10, "a":  "\\u0141"}'
        number = 2**62 + 1
        with db.engine.begin() as connection:
            facts = ":facts" if connection.dialect.name == "sqlite" else "CAST(:facts AS json)"
            columns_ = "id, audience, address, template, last_error, facts, created_at, due_at, tries"
            values = f"id, 'address', 'x@example.com', 't', :odd, {facts}, created_at, created_at, 0"
            statement = text(f"INSERT INTO outbox ({columns_}) SELECT {values} FROM organisation")
            connection.execute(statement, {"facts": json_text, "odd": odd})
            connection.execute(
                text("INSERT INTO job_result VALUES ('n', :at, :at, :ok, '', :number)"),
                {"at": "2026-01-01 00:00:00.000001", "ok": True, "number": number},
            )
    assert run(app, "backup", tmp_path / "b").exit_code == 0
    other = new_portal()
    done = run(other, "restore", tmp_path / "b")
    assert "Restored" in done.output, done.output
    with other.app_context(), acting_for_all("a test looks"):
        kept = db.session.scalars(select(Organisation)).one()
        assert (kept.name, kept.created_at) == (name, at)
        with db.engine.connect() as connection:
            cast = "facts" if connection.dialect.name == "sqlite" else "facts::text"
            assert connection.execute(text(f"SELECT {cast}, last_error FROM outbox")).one() == (json_text, odd)
            assert connection.scalar(text("SELECT rows_done FROM job_result")) == number
        db.session.remove()


def test_every_column_has_a_kind() -> None:
    for table in Base.metadata.sorted_tables:
        assert table.primary_key.columns, f"{table.name} has no key to order a backup by"
        for column in table.columns:
            assert columns.kind_of(column.type) in columns.KINDS


def test_a_database_in_use_gives_way_only_when_told_to(file: Path, new_portal: NewPortal) -> None:
    app = new_portal()
    with app.app_context():
        make_organisation("Standing", partner=True)
        db.session.remove()
    refused = run(app, "restore", file)
    assert refused.exit_code == 1 and "not empty" in refused.output and "--replace" in refused.output
    assert names(app) == {"Standing"}
    done = run(app, "restore", "--replace", file)
    assert done.exit_code == 0, done.output
    assert "Standing" not in names(app) and "Acme Logistics" in names(app)


def test_what_the_portal_wrote_by_itself_does_not_count_as_something(file: Path, new_portal: NewPortal) -> None:
    app = new_portal()
    run(app, "jobs", "run", "freeze_months")
    done = run(app, "restore", file)
    assert done.exit_code == 0, done.output


def _lines(file: Path) -> list[bytes]:
    return gzip.decompress(file.read_bytes()).splitlines(keepends=True)


def _first_row(lines: list[bytes], table: str) -> int:
    return next(n for n, line in enumerate(lines) if line.startswith(f'{{"table":"{table}"'.encode())) + 1


def _one_letter(file: Path) -> bytes:
    lines = _lines(file)
    at = _first_row(lines, "organisation")
    lines[at] = lines[at][:2] + b"X" + lines[at][3:]
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
    from hashlib import sha256

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
    def older(lines: list[bytes]) -> list[bytes]:
        """As the first portal would have written it: without what later migrations made."""
        kept = [json.dumps({**json.loads(lines[0]), "migration": "15260d621bea"}).encode() + b"\n"]
        leaving = False
        for line in lines[1:]:
            head = json.loads(line) if line.startswith(b"{") else {}
            if "table" in head:
                leaving = head["table"] not in FIRST_TABLES
            if not leaving:
                kept.append(line)
            if "end" in head:
                leaving = False
        return kept

    app = new_portal(migrated=False)
    done = run(app, "restore", _written(file, tmp_path / "older", older))
    assert done.exit_code == 0, done.output
    with app.app_context():
        assert set(inspect(db.engine).get_table_names()) - {"alembic_version"} == set(Base.metadata.tables)
    assert "Acme Logistics" in names(app)


FIRST_TABLES = {
    "organisation", "partner_customer", "member", "membership", "recovery_code", "sign_in_attempt", "programme", "product",
    "custom_parameter", "plan", "metric", "price_version", "metric_price", "engagement", "completion_request", "billing_entry",
    "rating_group", "charge_line", "month", "demo_mail", "history", "history_head", "submission", "job_result", "number_series",
    "outbox",
}  # fmt: skip


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


def test_another_secret_key_is_said(file: Path, new_portal: NewPortal) -> None:
    app = new_portal(SECRET_KEY="another-key-another-key-another-key-another")
    done = run(app, "restore", file)
    assert done.exit_code == 0 and "another SECRET_KEY" in done.output


def test_a_backup_never_takes_the_place_of_a_file(year: Flask, tmp_path: Path) -> None:
    standing = tmp_path / "standing"
    standing.write_text("mine")
    refused = run(year, "backup", standing)
    assert refused.exit_code == 1 and "exists already" in refused.output and standing.read_text() == "mine"
    missing = run(year, "backup", tmp_path / "no" / "such" / "folder")
    assert missing.exit_code == 1 and "could not be written" in missing.output


def test_one_moment_whatever_is_written_meanwhile(
    new_portal: NewPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries come in while the tables are read: the backup holds none of them by halves."""
    from app.commands import backup as command

    app = new_portal()
    with app.app_context():
        engagement = make_engagement(make_product())
        make_entry(engagement, "1", rated=True)
        db.session.remove()
    read = command.rows_of

    def and_somebody_bills(connection: Any, table: Any) -> Any:
        if table.name in ("history", "charge_line", "billing_entry"):
            with app.app_context():
                make_entry(engagement, "2", rated=True)
                db.session.remove()
        yield from read(connection, table)

    monkeypatch.setattr(command, "rows_of", and_somebody_bills)
    done = run(app, "backup", tmp_path / "b")
    assert done.exit_code == 0, done.output
    assert verified(tmp_path / "b").tables["billing_entry"].rows == 1
    other = new_portal()
    done = run(other, "restore", tmp_path / "b")
    assert done.exit_code == 0, done.output


def test_kill_at_any_moment_leaves_the_old_or_the_new_and_nothing_between(file: Path, new_portal: NewPortal) -> None:
    app = new_portal()
    with app.app_context():
        make_organisation("Standing", partner=True)
        url = db.engine.url.render_as_string(hide_password=False)
        folder = Path(app.instance_path)
        db.session.remove()
        db.engine.dispose()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "restore", "--replace", str(file)]
    environment = {**os.environ, **settings_for(url, folder)}
    ends = []
    for wait in (0.5, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.2):
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = names(app)
        whole = "Acme Logistics" in found and len(found) == 13
        assert found == {"Standing"} or whole, found
        ends.append(whole)
        with app.app_context():
            db.engine.dispose()
        assert run(app, "check", "all").exit_code == 0
    done = run(app, "restore", "--replace", file)
    assert done.exit_code == 0, done.output
    assert len(names(app)) == 13
    assert not list(folder.glob("*.restoring*"))
    with app.app_context():
        assert SCHEMA not in inspect(db.engine).get_schema_names()
