"""A backup is everything, a restore is all of it or nothing, and both databases read the same file."""

import gzip
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from flask import Flask
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from app.commands.backup import columns, give_name, loading
from app.commands.backup.archive import verified
from app.commands.backup.columns import KINDS
from app.commands.backup.loading import BATCH
from app.commands.backup.staging import SCHEMA
from app.commands.demo.people import PASSWORD
from app.foundation import append_only, clock, history
from app.foundation.database import Base, db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all, system, viewing
from app.members import api_keys, invitations, sign_ins, sign_ups
from app.members.model import Member
from app.members.roles import PARTNER_ADMIN
from app.notices.delivery import facts_of
from app.parties.model import Organisation
from tests.commands.conftest import NewPortal, names, run, settings_for
from tests.conftest import on_postgres
from tests.makers import make_engagement, make_entry, make_organisation, make_product
from tests.people import move_in, sign_in

REPOSITORY = Path(__file__).parents[2]


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


def test_files_kept_in_the_database_arrive_byte_for_byte(new_portal: NewPortal) -> None:
    """Into a table of the test's own: every byte there is, and more than a batch of rows."""
    app, every = new_portal(), bytes(range(256)) * 40
    rows = [[f"{number}", KINDS["bytes"].from_sqlite(every)] for number in range(BATCH + 1)]
    with app.app_context(), db.engine.begin() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        connection.execute(text(f"CREATE TABLE kept (name text, content {'blob' if on_sqlite else 'bytea'})"))
        put = loading.into_sqlite if on_sqlite else loading.into_postgres
        put(connection, "kept", (("name", "text"), ("content", "bytes")), iter(rows))
        contents = connection.execute(text("SELECT content FROM kept")).scalars().all()
        assert len(contents) == BATCH + 1 and {bytes(content) for content in contents} == {every}


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


def test_what_stands_under_the_parts_name_neither_opens_nor_leads_the_backup(year: Flask, tmp_path: Path) -> None:
    """Left by a killed run, or put there by somebody who may write into the folder."""
    file, part = tmp_path / "backup", tmp_path / "backup.part"
    part.write_text("left behind")
    part.chmod(0o666)
    assert run(year, "backup", file).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600 and not part.exists()
    file.unlink()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    part.symlink_to(precious)
    assert run(year, "backup", file).exit_code == 0
    assert precious.read_text() == "precious" and not file.is_symlink() and verified(file).rows > 300


def test_a_name_that_was_taken_meanwhile_is_left_to_who_has_it(tmp_path: Path) -> None:
    part, file = tmp_path / "backup.part", tmp_path / "backup"
    part.write_text("whole")
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ClickException, match="exists already"):
        give_name(part, file)
    assert file.is_symlink() and not (tmp_path / "nowhere").exists()


def test_a_restore_says_how_many_api_keys_count_again(new_portal: NewPortal, tmp_path: Path) -> None:
    """One that was revoked after the backup is not revoked in it."""
    app, file = new_portal(), tmp_path / "backup"
    with app.app_context():
        move_in()
        by = system("a test's keys")
        for person in ("ada", "cy"):
            email = f"{person}@{'northbridge' if person == 'ada' else 'contrail'}.example"
            kept, _key = api_keys.make_for(email, organisation=None, capacity=None, expires_in_days=None, by=by)
        db.session.remove()
    assert run(app, "backup", file).exit_code == 0
    with app.app_context(), acting_for_all("a test's admin") as admin:
        api_keys.revoke(kept.id, by=admin)
        db.session.remove()
    done = run(app, "restore", file, "--replace")
    assert done.exit_code == 0, done.output
    assert "2 API keys count as they did at the backup" in done.output and "End it anew" in done.output


def test_links_that_act_for_their_reader_are_sealed_in_a_backup(new_portal: NewPortal, tmp_path: Path) -> None:
    """Whoever holds the file and not SECRET_KEY uses none of them; mailed, they work."""
    app, file = new_portal(), tmp_path / "backup"
    with app.app_context():
        people = move_in()
        sign_ins.ask_for_link("ada@northbridge.example", source="203.0.113.1")
        sign_ups.ask("Harbour Works", "Kim Okafor", "kim@harbour.example", "four calm herons", source="203.0.113.1")
        with viewing(people.viewer("ada")) as ada:
            invitations.invite("nia@northbridge.example", [PARTNER_ADMIN], by=ada)
        db.session.remove()
    assert run(app, "backup", file).exit_code == 0
    kept = gzip.decompress(file.read_bytes()).decode()
    assert not re.search(r"/(reset-password|sign-up|invitations)/", kept)
    with app.app_context(), acting_for_all("a test's mail job"):
        rows = db.session.scalars(select(OutboxRow).order_by(OutboxRow.template)).all()
        paths = [facts_of(row)["path"] for row in rows]
        assert [path.rpartition("/")[0] for path in paths] == ["/sign-up", "/invitations", "/reset-password"]
        token = paths[2].rpartition("/")[2]
        assert sign_ins.holder_of(token).email == "ada@northbridge.example"
        db.session.remove()


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
