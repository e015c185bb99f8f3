"""What discovery tells: an account's history of its runs, and the histories of what they found."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app.csp.accounts.model import CspAccount
from app.csp.discovery.model import CspRun
from app.csp.permissions import RUN_DISCOVERY
from app.foundation.database import db
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.text import N_


def _tell_admins(run: CspRun, facts: dict[str, Any]) -> Iterable[Notice]:
    """Whoever may start the next one."""
    account = db.session.scalar(select(CspAccount.name).where(CspAccount.id == run.account_id))
    about = {"name": account, "number": facts["number"], "cause": facts["cause"], "account_id": str(run.account_id)}
    yield Notice("organisation", str(run.partner_id), "csp_discovery_failed", about, RUN_DISCOVERY)


STOP_ASKED = declare(
    Event("csp_discovery_stop_asked", N_("Asked run %(number)s to stop"), fields=frozenset({"number"}), icon="stop--filled--alt")
)  # fmt: skip
declare(
    Event(
        "csp_discovery_completed",
        N_("Discovery run %(number)s completed: %(found)s"),
        fields=frozenset({"number", "found"}),
        icon="checkmark--filled",
    )
)
declare(
    Event(
        "csp_discovery_stopped",
        N_("Discovery run %(number)s stopped after %(found)s"),
        fields=frozenset({"number", "found"}),
        icon="stop--filled--alt",
    )
)
declare(
    Event(
        "csp_discovery_failed",
        N_("Discovery run %(number)s ended in an error: %(cause)s"),
        fields=frozenset({"number", "cause"}),
        icon="error--filled",
        tells=_tell_admins,
    )
)
