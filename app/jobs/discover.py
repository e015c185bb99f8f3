"""Reads what Microsoft has of each CSP account that discovery was triggered for.

1. Asks which runs are live and have no worker, or one that has been silent for 15 s.
2. Claims them, each by a compare-and-set, and works on each in a thread of its own, some at a time: a long run holds up no other job.
3. A run is read page by page, each committed with where to go on, and left between two pages when the process ends.
"""

import atexit
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app

from app.csp.accounts import clients
from app.csp.discovery import claiming
from app.csp.discovery.reading.run import read_run, worker_name
from app.csp.discovery.reading.work import Counting
from app.csp.microsoft.client import Client
from app.foundation.database import db
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.workers import this_process
from app.jobs.work import Done, Stopped, never

#: runs that one process works on at a time
AT_ONCE = 4
#: throttled for longer, a worker leaves the run until the pause is over
WAITS_SECONDS = 30.0
#: the end of the process waits so long for the present pages
LEAVING_SECONDS = 4.0

_at_work: dict[uuid.UUID, threading.Thread] = {}
_lock = threading.Lock()


def run(*, by: Viewer, stopped: Stopped) -> Done:
    """On the timetable: begins what is due and does not wait for it. Asked for by hand (`flask jobs run`), it works to the end."""
    begun = 0
    for run_id in claiming.due_runs(_free_places()):
        worker = worker_name(this_process())
        if stopped() or not claiming.claim(run_id, worker):
            continue
        begun += 1
        if stopped is never:
            read(run_id, worker, by=by, stopped=stopped)
        else:
            _begin(current_app._get_current_object(), run_id, worker, stopped)  # type: ignore[attr-defined]
        db.session.remove()
    return Done(begun)


def read(run_id: uuid.UUID, worker: str, *, by: Viewer, stopped: Stopped) -> str:
    """One claimed run, in this thread."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    @contextmanager
    def within() -> Iterator[None]:
        with app.app_context(), acting_for_all("discovery asks Microsoft"):
            yield

    return read_run(run_id, worker, client_of, within=within, by=by, stopped=stopped)


def client_of(account_id: uuid.UUID, counting: Counting) -> Client:
    return clients.client_of(account_id, willing_seconds=WAITS_SECONDS, counted=counting)


def _free_places() -> int:
    with _lock:
        return AT_ONCE - len(_at_work)


def _begin(app: Flask, run_id: uuid.UUID, worker: str, stopped: Stopped) -> None:
    def work() -> None:
        try:
            with app.app_context(), acting_for_all("job discover") as by:
                read(run_id, worker, by=by, stopped=stopped)
        finally:
            with _lock:
                _at_work.pop(run_id, None)

    thread = threading.Thread(target=work, name=f"discovery {run_id}", daemon=True)
    with _lock:
        _at_work[run_id] = thread
    thread.start()


@atexit.register
def _leave() -> None:
    """Each looks between two pages whether the process ends; whoever does not come to that is cut off, which is safe."""
    for thread in list(_at_work.values()):
        thread.join(LEAVING_SECONDS)
