"""What the history of one of Microsoft's documents says of what discovery found."""

import uuid
from typing import Any, NamedTuple

from app.foundation.history import Event, declare
from app.foundation.text import N_


class Subject(NamedTuple):
    """A document as History asks for one, without its row."""

    id: uuid.UUID
    partner_id: uuid.UUID

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_document", self.id

    def history_parties(self) -> dict[str, Any]:
        return {"partner_id": self.partner_id}


FOUND = declare(
    Event(
        "csp_document_found",
        N_("Discovered: %(number)s over %(total)s %(currency)s"),
        fields=frozenset({"number", "total", "currency"}),
        icon="add",
    )
)
TOTAL_CHANGED = declare(
    Event(
        "csp_document_total_changed",
        N_("Microsoft changed the total from %(old_total)s to %(new_total)s %(currency)s"),
        fields=frozenset({"old_total", "new_total", "currency"}),
        icon="edit",
    )
)
LINES_READ = declare(
    Event(
        "csp_document_lines_read",
        N_("%(lines)s lines read, which come to %(lines_total)s %(currency)s; difference %(difference)s"),
        fields=frozenset({"lines", "lines_total", "currency", "difference"}),
        icon="checkmark",
    )
)
