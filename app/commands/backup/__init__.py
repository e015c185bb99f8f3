"""`flask backup FILE` and `flask restore FILE`: everything in the database as one file that either database can take in.

What is outside the database is not in it: the settings, SECRET_KEY above all. Passwords stand in it as hashes and second factors
sealed with SECRET_KEY, so keep both, and keep them apart.
"""

import hashlib
import hmac
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import click
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import func, inspect, or_, select, text
from sqlalchemy.exc import DBAPIError

from app.commands.backup.archive import BadBackup, Manifest, Writer, verified
from app.commands.backup.loading import load
from app.commands.backup.snapshot import described, one_moment, rows_of, tables
from app.commands.backup.staging import staging_of
from app.commands.check import report
from app.config import HERE
from app.foundation import clock
from app.foundation.database import db
from app.foundation.installation import VERSION, migrations
from app.foundation.self_check import every_check
from app.foundation.tenancy import acting_for_all
from app.members.api_keys import ApiKey

MIGRATIONS = HERE / "migrations"


def install(app: Flask) -> None:
    app.cli.add_command(backup)
    app.cli.add_command(restore)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup(file: Path) -> None:
    """Write the whole database into FILE, as of one moment; - for standard output. The portal may go on running."""
    to_stdout = str(file) == "-"
    if file.exists() and not to_stdout:
        raise click.ClickException(f"{file} exists already; a backup never takes the place of another file.")
    try:
        if to_stdout:
            told = _write(sys.stdout.buffer)
        else:
            told = _write_beside(file)
    except OSError as wrong:
        raise click.ClickException(
            f"The backup could not be written: {wrong.strerror}: {wrong.filename or file}."
        ) from wrong
    click.echo(f"{told}.", err=to_stdout)
    click.echo(
        "Second factors and sign-in links in it are sealed with SECRET_KEY: keep that key, and not beside it.", err=True
    )


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="The database holds something; all of it gives way to the backup.")
@with_appcontext
def restore(file: Path, replace: bool) -> None:
    """Put the backup in FILE into the database: all of it, or nothing. Stop the portal first."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        manifest = verified(file)
        _check_migration(manifest)
        _check_room(replace)
        click.echo(
            f"The backup is of {manifest.created_at}, {manifest.rows:,} rows in {len(manifest.tables)} tables; restoring ..."
        )
        _restore(app, file, manifest)
    except BadBackup as no:
        raise click.ClickException(str(no)) from no
    except DBAPIError as wrong:
        raise click.ClickException(f"Nothing was restored: {str(wrong.orig).splitlines()[0]}") from wrong
    click.echo("Restored. Checking what must hold ...")
    if manifest.key != key_fingerprint(app):
        click.echo(
            "The backup was made under another SECRET_KEY: second factors of its members work under that key only.",
            err=True,
        )
    _tell_of_keys()
    report(every_check())
    click.echo("Everything holds.")


def _tell_of_keys() -> None:
    """What was ended after the backup is not ended any more, and only people know what that was."""
    with acting_for_all("how many API keys count after a restore"):
        now = clock.now()
        counting = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
        count = db.session.scalar(select(func.count(ApiKey.id)).where(ApiKey.revoked_at.is_(None), counting)) or 0
    click.echo(
        f"{count} API keys count as they did at the backup. What was ended since then works again: keys that were revoked, members who were removed, passwords that were changed. End it anew.",
        err=True,
    )


def key_fingerprint(app: Flask) -> str:
    """Says whether two keys are the same, and nothing else of them."""
    return hmac.new(str(app.secret_key).encode(), b"backup", hashlib.sha256).hexdigest()[:16]


def _write_beside(file: Path) -> str:
    """Under another name until it is whole and read back, readable by its owner alone: it holds everybody's figures.

    What stands under that name, left by a killed run or put there by somebody else, is neither written into nor followed.
    """
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            told = _write(out)
            out.flush()
            os.fsync(out.fileno())
        verified(part)
        give_name(part, file)
    except BadBackup as wrong:
        raise click.ClickException(f"The backup was written and could not be read back: {wrong}") from wrong
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return f"{told} in {file}, {file.stat().st_size:,} bytes"


def give_name(part: Path, file: Path) -> None:
    """Under its own name from now on, unless somebody took that meanwhile."""
    try:
        os.link(part, file)
    except FileExistsError as taken:
        raise click.ClickException(f"{file} exists already; a backup never takes the place of another file.") from taken
    except OSError:  # a file system without links: the name is taken first, then given
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.replace(file)


def _write(out: IO[bytes]) -> str:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with one_moment() as connection:
        here = migrations(connection)
        if here != _heads():
            raise click.ClickException(
                "The database is not at this portal's migration: run ./run flask db upgrade first."
            )
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        writer = Writer(out, Manifest(now, VERSION, here[0], connection.dialect.name, key_fingerprint(app)))
        rows = sum(writer.table(described(table), rows_of(connection, table)) for table in tables())
        writer.close()
    return f"{rows:,} rows of {len(tables())} tables"


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _heads() -> tuple[str, ...]:
    return tuple(sorted(_scripts().get_heads()))


def _check_migration(manifest: Manifest) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if manifest.migration not in known:
        raise BadBackup(
            f"The backup is at migration {manifest.migration}, which this portal does not know: restore it with portal {manifest.portal} or a later one."
        )


def _check_room(replace: bool) -> None:
    """Without an organisation there is nobody's data: what jobs and migrations have written by themselves may go."""
    with db.engine.connect() as connection:
        if replace or not inspect(connection).has_table("organisation"):
            return
        if connection.scalar(text("SELECT 1 FROM organisation LIMIT 1")):
            raise BadBackup(
                "The database is not empty, so nothing was restored: add --replace if all it holds may go, or name another in DATABASE_URL."
            )


def _restore(app: Flask, file: Path, manifest: Manifest) -> None:
    from flask_migrate import upgrade

    with staging_of(app) as (staged, last_step):
        with staged.app_context():
            upgrade(directory=str(MIGRATIONS), revision=manifest.migration)
            load(file, manifest, db.engine, lambda rows: None)
            upgrade(directory=str(MIGRATIONS))
        last_step()
