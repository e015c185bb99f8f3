"""What may be said of a document on its history, which its partner alone reads."""

from app.foundation.history import Event, declare
from app.foundation.text import N_

OVERRIDDEN = declare(
    Event(
        "csp_document_overridden",
        N_("Statements may be issued for %(number)s though %(what)s: %(reason)s"),
        fields=frozenset({"number", "what", "reason"}),
        icon="warning--alt--filled",
    )
)
