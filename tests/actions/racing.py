"""Several people at once: each in a thread, with a connection and a picture of the rows of their own, let go together."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask

from app.foundation import clock
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, viewing

LATE, REFUSED = "late", "refused"


@dataclass(frozen=True)
class Runner:
    """`look` reads what the person has before them, before anybody is let go; `act` is done to it, and called `name`."""

    name: str
    by: Viewer
    act: Callable[[Any], Any]
    look: Callable[[], Any] = lambda: None


def race(app: Flask, *runners: Runner, at: datetime | None = None) -> list[str]:
    """What each came to: its name where it got through, 'late' or 'refused' where it did not. In the runners' order."""
    db.session.remove()
    gate = threading.Barrier(len(runners))
    outcomes: dict[int, str] = {}
    failures: list[BaseException] = []
    now = at or clock.now()

    def run(place: int, runner: Runner) -> None:
        with app.app_context(), clock.pinned(now), viewing(runner.by):
            try:
                seen = runner.look()
                gate.wait(20)
                runner.act(seen)
                outcomes[place] = runner.name
            except AlreadyDone:
                outcomes[place] = LATE
            except Refused:
                outcomes[place] = REFUSED
            except BaseException as broken:
                failures.append(broken)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
    return [outcomes[place] for place in range(len(runners))]
