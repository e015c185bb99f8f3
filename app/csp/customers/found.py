"""What a CSP customer's history says of what discovery found."""

import uuid
from typing import Any, NamedTuple

from app.foundation.history import Event, declare
from app.foundation.text import N_


class Subject(NamedTuple):
    """A customer as History asks for one, without its row: a page holds hundreds."""

    id: uuid.UUID
    partner_id: uuid.UUID

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_customer", self.id

    def history_parties(self) -> dict[str, Any]:
        return {"partner_id": self.partner_id}


FOUND = declare(Event("csp_customer_found", N_("Discovered as %(name)s"), fields=frozenset({"name"}), icon="add"))
BACK = declare(
    Event("csp_customer_back", N_("Listed by Microsoft again, as %(name)s"), fields=frozenset({"name"}), icon="undo")
)
GONE = declare(
    Event(
        "csp_customer_gone",
        N_("Not listed by Microsoft any more: a former customer, whose documents are kept"),
        fields=frozenset({"name"}),
        icon="subtract",
    )
)
SUBSCRIPTIONS_CHANGED = declare(
    Event(
        "csp_subscriptions_changed",
        N_("Subscriptions at Microsoft: %(new)s new, %(changed)s changed, %(gone)s gone"),
        fields=frozenset({"new", "changed", "gone"}),
        icon="renew",
    )
)
