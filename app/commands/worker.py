"""`python -m app.commands.worker`, where `./run worker` ends: a process that runs the jobs and answers no requests.

On PostgreSQL any number of them, on as many machines as wanted, share the work; stopped, one leaves after its present rows and
gives back the rest. On SQLite one beside gunicorn does for it what `./run` does by itself.
"""

import os
import signal
import sys
from queue import SimpleQueue
from types import FrameType

from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.exc import OperationalError

from app import create_app
from app.commands.serve import MIGRATIONS, CannotStart, applied, heads
from app.config import BadSetting
from app.jobs import engine


def main() -> int:
    # an Event's lock may be held by this very thread when the signal comes, which would then wait for itself
    leaving: SimpleQueue[int] = SimpleQueue()

    def leave(signalled: int, _frame: FrameType | None) -> None:
        """First signal: stop cleanly. Second: the system's own way, at once."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        leaving.put(signalled)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    try:
        app = create_app()
        check_migrated(app)
        jobs = engine.start(app, kind="worker")
    except (CannotStart, BadSetting) as reason:
        print(reason, file=sys.stderr)
        return 1
    except OperationalError as cut:  # it went away between the first look and the last step of the start
        print(unreachable(cut), file=sys.stderr)
        return 1
    print(f"{jobs.name} runs the jobs of {app.config['SETTINGS'].portal_name}  (Ctrl-C stops it)", flush=True)
    leaving.get()
    jobs.stop()
    return 0


def unreachable(reason: OperationalError) -> str:
    return f"The database cannot be reached: {str(reason.orig).splitlines()[0]}"


def check_migrated(app: Flask) -> None:
    """Starts where the database is at this portal's migration or beyond it: while an update is rolled out, old and new work
    on the newer one. Behind, it does not start: a worker never migrates."""
    with app.app_context():
        try:
            here = applied()
        except OperationalError as reason:
            raise CannotStart(unreachable(reason)) from None
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if here <= known and here != heads():
        raise CannotStart("The database is not at this portal's migration: run ./run flask db upgrade first.")


if __name__ == "__main__":
    ended = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(
        ended
    )  # what still runs is cut off, which it may be at any line: Python would take itself apart under its threads
