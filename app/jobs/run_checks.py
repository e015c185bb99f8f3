"""Carries out the self-check that somebody asked for on Operations.

1. Takes the run that was asked for, or one whose bearer shows no sign of life any more.
2. Walks claim after claim, each as of one moment; a sign of life every second, a verdict after each claim, in transactions and a
   session of their own, so that the picture being read stays one.
3. Stopped by a person: leaves it. Stopped with the process: puts it back, and the next process goes on after the last verdict.
"""

import time
from contextlib import suppress

from flask import current_app

from app.foundation.database import one_picture
from app.foundation.self_check import Check, Verdict, every_check, examine
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.operations import actions
from app.operations.actions import Hold, LetGo

SIGN_OF_LIFE_SECONDS = 1.0


class Leaving(Exception):
    """The process is about to end."""


def run(*, by: Viewer, stopped: Stopped) -> Done:
    checks = every_check()
    hold = actions.take_run(claims=len(checks), by=by)
    if hold is None:
        return Done()
    try:
        for check in checks:
            if check.claim in hold.done:
                continue
            if stopped():
                raise Leaving
            actions.note_verdict(hold, _examined(check, hold, stopped))
        finished = actions.finish_run(hold, by=by)
    except LetGo:
        return Done(message="the run was stopped or taken over")
    except Leaving:
        with suppress(LetGo):
            actions.put_back(hold, by=by)
        return Done(message="put back: the portal is being stopped")
    return Done(
        finished.looked,
        finished.wrong,
        f"{finished.wrong} of {finished.looked} rows are wrong" if finished.wrong else "",
    )


def _examined(check: Check, hold: Hold, stopped: Stopped) -> Verdict:
    said_at = 0.0

    def looked_at(looked: int, wrong: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at < SIGN_OF_LIFE_SECONDS:
            return
        if stopped():
            raise Leaving
        said_at = time.monotonic()
        with current_app.app_context():  # a session of its own, beside the one that reads
            actions.note_progress(hold, check.claim, looked)

    with one_picture():
        return examine(check, looked_at)
