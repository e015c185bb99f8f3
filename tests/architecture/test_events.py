"""Every process can tell every event of History, also one that runs no jobs and so imports little of what records them."""

import os
import subprocess
import sys
from pathlib import Path

#: the application as a WSGI server makes it, then everything there is
_UNKNOWN = """
import importlib, pkgutil
import app
app.create_app()
from app.foundation.history import EVENTS
known = set(EVENTS)
for module in pkgutil.walk_packages(app.__path__, "app."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sorted(set(EVENTS) - known))
"""


def test_a_process_without_jobs_knows_every_event(tmp_path: Path) -> None:
    environment = {**os.environ, "INSTANCE_PATH": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3"}
    done = subprocess.run(
        [sys.executable, "-c", _UNKNOWN],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr[-1000:]
