"""A process that discovers, to be killed: `python -m tests.jobs.discovery_worker`, the portal's settings in its environment.

As tests.jobs.rating_worker: the code is loaded once; two lines on standard input are one process, forked at the first and waited for
at the second. A run that a killed one held is taken over when it has been silent for long enough: the clock of the next process
stands 20 seconds later, so that nobody waits for it.
"""

import os
import signal
import sys
from datetime import timedelta

from app import create_app
from app.csp.discovery import claiming
from app.foundation import clock
from app.foundation.tenancy import acting_for_all
from app.jobs import discover
from app.jobs.work import never


def discover_everything(turn: int) -> None:
    app = create_app()
    with app.app_context(), clock.pinned(clock.now() + timedelta(seconds=20 * turn)), acting_for_all("killed") as by:
        while claiming.due_runs(1):
            discover.run(by=by, stopped=never)


def main() -> None:
    for turn, _ in enumerate(sys.stdin):
        pid = os.fork()
        if pid == 0:
            discover_everything(turn)
            os._exit(0)
        print(pid, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else f"failed with {status}", flush=True)


if __name__ == "__main__":
    main()
