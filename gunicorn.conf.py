"""What `.venv/bin/gunicorn` reads in this folder: the portal on HOST and PORT, a few threads a process, no side doors.

WEB_CONCURRENCY, gunicorn's own, says how many processes; what is given on its command line counts for more than this file.
"""

import os

wsgi_app = "wsgi:app"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
threads = 4
#: requests under way may end when it is told to stop
graceful_timeout = 15
#: it would write a socket below the home folder, which a container may not have
control_socket_disable = True


def child_exit(_server: object, worker: object) -> None:
    """What a process has counted stays in the sums of /metrics; what was true only while it lived goes with it."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[attr-defined]
