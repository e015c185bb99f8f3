"""A machine of its own on the tests' database, for what several do in the same moment: `python -m tests.api.machine`.

Reads one order a line, as JSON: {"at": instant, "run": job} or {"at": instant, "asks": [[path, key, idempotency key, body], ...],
"threads": n}, begins at that instant, and says in one line what it came to: the job's rows, or [status, id] of each answer.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from app import create_app
from app.foundation.database import db
from app.jobs import engine


def main() -> None:
    app = create_app()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        time.sleep(max(0.0, order["at"] - time.time()))
        outcome: Any = engine.run_once(app, order["run"]).rows if "run" in order else asked(app, order)
        with app.app_context():
            db.engine.dispose()  # the next test has another database
        print(json.dumps(outcome), flush=True)


def asked(app: Flask, order: dict[str, Any]) -> list[tuple[int, str | None]]:
    def ask(one: tuple[str, str, str, Any]) -> tuple[int, str | None]:
        path, key, once, body = one
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": once}
        answer = app.test_client(use_cookies=False).post(f"/api/v1{path}", headers=headers, json=body)
        return answer.status_code, (answer.get_json(force=True) or {}).get("id")

    with ThreadPoolExecutor(order["threads"]) as threads:
        return list(threads.map(ask, order["asks"]))


if __name__ == "__main__":
    main()
