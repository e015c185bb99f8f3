"""`python -m app.commands.serve`, where `./run` ends: one process that prepares the database, then runs the portal.

Everything a start needs is done here, in one interpreter, so that a second start answers within a second or two:
the port is claimed first, the database is brought to head, an empty demo is filled, the jobs start, waitress serves.
"""

import ast
import ipaddress
import os
import re
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError
from waitress import create_server

from app import create_app
from app.commands.demo import cloud, seed_if_empty
from app.config import BadSetting, Settings
from app.foundation import clock, memory
from app.foundation.database import db
from app.jobs import engine

MIGRATIONS = Path(__file__).parents[2] / "migrations"
#: requests answered at once; more threads gain nothing while the database is SQLite
THREADS = 8


class CannotStart(Exception):
    """Why not, in one sentence for the person at the terminal."""


def main() -> int:
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    try:
        app = create_app()
        settings: Settings = app.config["SETTINGS"]
        with listen(host_for(settings), settings.port) as listener:
            if settings.demo_now:
                clock.move(settings.demo_now)
            new = bring_to_head(app)
            if settings.demo:
                if new:
                    print("Living through the demo's year, this once: about ten seconds ...", flush=True)
                seed_if_empty(app)
            cloud.resell(app, cloud.microsoft(settings))
            run(app, settings, listener)
    except (CannotStart, BadSetting) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def leave(_signal: int, _frame: FrameType | None) -> None:
    """First signal: unwind and stop cleanly, from wherever we are. Second: the system's own way, at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(0)


def host_for(settings: Settings) -> str:
    """Loopback, unless HOST says otherwise and nobody could walk in with the demo's well-known passwords."""
    host = os.environ.get("HOST") or "127.0.0.1"
    if settings.demo and not is_loopback(host):
        raise CannotStart(
            f"The demo's passwords are public, so it does not listen on {host}: set DEMO=0 or leave HOST out."
        )
    return host


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Claims the port before any work is done; a second portal on the same port must not migrate or seed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as reason:
        raise CannotStart(
            f"Port {port} on {host} cannot be used ({os.strerror(reason.errno or 0)}): "
            f"stop what uses it, or choose another with PORT={port + 1} ./run."
        ) from None


def bring_to_head(app: Flask) -> bool:
    """Migrates when needed, and says whether the database was new. Alembic is asked only if it has anything to do."""
    with app.app_context():
        try:
            here = applied()
        except OperationalError as reason:
            raise CannotStart(f"The database cannot be reached: {str(reason.orig).splitlines()[0]}") from None
        if here != heads():
            from flask_migrate import upgrade

            upgrade(directory=str(MIGRATIONS))
        return not here


def applied() -> set[str]:
    """The revisions that the database says it is at."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return set()
        return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


def heads() -> set[str]:
    """The revisions in migrations/versions/ on which no other builds."""
    assigned = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(.+)$", re.MULTILINE)
    revisions: set[str] = set()
    built_on: set[str] = set()
    for file in (MIGRATIONS / "versions").glob("*.py"):
        for name, literal in assigned.findall(file.read_text(encoding="utf-8")):
            value = ast.literal_eval(literal)
            named = {value} if isinstance(value, str) else set(value or ())
            (revisions if name == "revision" else built_on).update(named)
    return revisions - built_on


def run(app: Flask, settings: Settings, listener: socket.socket) -> None:
    jobs = engine.start(app)
    try:
        server = create_server(app, sockets=[listener], threads=THREADS, ident=None)
        welcome(app, settings)
        memory.settle()
        server.run()  # until a signal: waitress swallows our SystemExit once its threads are done
    finally:
        jobs.stop()


def welcome(app: Flask, settings: Settings) -> None:
    print(f"{settings.portal_name} is ready at {settings.portal_url}  (Ctrl-C stops it)")
    if not settings.demo and not settings.smtp_url:
        print("SMTP_URL is not set: mail waits in the outbox until it is; /operations shows what waits.")
    if settings.demo:
        print(f"Sign in with the password {app.config['DEMO_PASSWORD']} as")
        for email, who in app.config["DEMO_SIGN_INS"]:
            print(f"  {email:<26} {who}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
