"""A process that rates, to be killed: `python -m tests.jobs.rating_worker DATABASE_URL`.

It loads the portal's code once, so fifty restarts do not take fifty times the loading. Two lines on standard input are one
process: at the first it is forked, rates until nothing is due, and its id is said; at the second its end is waited for, and
"killed" or "done" is said. Until then the id is its own, even when it has ended: whoever kills it hits nobody else.
"""

import os
import signal
import sys

from flask import Flask

from app.billing import events  # noqa: F401  declares what rating records
from app.billing.queries import due_for_rating
from app.foundation.database import configure_engine, db
from app.foundation.tenancy import acting_for_all
from app.jobs import rate_billing_entries
from app.jobs.work import never
from app.members import model  # noqa: F401  tenancy must know every table


def rate_everything(url: str) -> None:
    app = Flask("rating")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    with app.app_context(), acting_for_all("a rating process that is killed") as viewer:
        configure_engine(db.engine)
        while due_for_rating(limit=1):
            rate_billing_entries.run(by=viewer, stopped=never)


def main(url: str) -> None:
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            rate_everything(url)
            os._exit(0)
        print(pid, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else f"failed with {status}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
