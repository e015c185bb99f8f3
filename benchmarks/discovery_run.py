"""One discovery run, as a worker does it, in a process of its own: `python -m benchmarks.discovery_run TENANT`, with a refresh
token on standard input.

The settings are in the environment, as a portal's are. It prints JSON: the seconds from the claim to the end, the most memory the
process has held, and what it read.
"""

import json
import resource
import sys
import time
import uuid
from pathlib import Path

from sqlalchemy import delete, select

from app import create_app
from app.csp.accounts import sealing
from app.csp.accounts.model import CspAccount, CspToken
from app.csp.discovery import actions, claiming, queries
from app.csp.discovery.reading.run import worker_name
from app.foundation import clock, memory
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.jobs import discover
from app.jobs.work import never
from app.parties.model import Organisation

NAME = "Bench"


def main(tenant: str, refresh_token: str) -> None:
    app = create_app()
    memory.settle()
    with app.app_context(), acting_for_all("a benchmark's discovery") as by:
        account_id = _account(tenant, refresh_token)
        run_id = actions.trigger(account_id, by=by).id
        before = most_memory()
        began = time.perf_counter()
        worker = worker_name("bench")
        assert claiming.claim(run_id, worker)
        state = discover.read(run_id, worker, by=by, stopped=never)
        took = time.perf_counter() - began
        db.session.remove()
        run = queries.last_run(account_id)
        assert run is not None
        peak = most_memory()
        kinds = {
            kind.kind: [kind.done, kind.new, kind.changed, kind.requests, (kind.ended_at - kind.started_at).total_seconds()]
            for kind in queries.kinds_of(run.id)
            if kind.ended_at and kind.started_at
        }  # fmt: skip
        told = {"seconds": took, "state": state, "error": run.error, "before_mb": before / 1024, "peak_mb": peak / 1024}
        print(json.dumps({**told, "kinds": kinds}))


def most_memory() -> int:
    """Kilobytes this process has held at its peak; what its parent held before it does not count, as in getrusage it would."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _account(tenant: str, refresh_token: str) -> uuid.UUID:
    """The first partner's, connected, with a consent of this moment."""
    now = clock.now()
    with transaction() as session:
        account = session.scalar(select(CspAccount).where(CspAccount.tenant_id == tenant, CspAccount.name == NAME))
        if account is None:
            partner = session.scalars(
                select(Organisation.id).where(Organisation.is_partner).order_by(Organisation.id)
            ).first()
            account = CspAccount(
                partner_id=partner, name=NAME, tenant_id=tenant, model="direct", state="connected", consented_at=now,
                created_at=now, created_by_name="bench",
            )  # fmt: skip
            session.add(account)
            session.flush()
        session.execute(delete(CspToken).where(CspToken.account_id == account.id))
        sealed = sealing.seal(refresh_token, account_id=account.id)
        session.add(
            CspToken(account_id=account.id, partner_id=account.partner_id, refreshed_at=now, refresh_token=sealed)
        )
    return account.id


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read().strip())
