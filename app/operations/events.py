"""What history says of a run of the self-check."""

from app.foundation.history import Event, declare
from app.foundation.text import N_

REQUESTED = declare(Event("check_requested", N_("Self-check asked for"), icon="list--checked"))
declare(Event("check_started", N_("Self-check begun"), icon="in-progress"))
declare(
    Event("check_taken_over", N_("Self-check taken over: whoever carried it out showed no sign of life"), icon="renew")
)
declare(Event("check_put_back", N_("Self-check put back: the portal was stopped"), icon="undo"))
declare(Event("check_stopped", N_("Self-check stopped"), icon="stop"))
declare(
    Event(
        "check_finished",
        N_("Self-check done: %(claims)s claims, %(looked)s rows, %(wrong)s wrong"),
        fields=frozenset({"claims", "looked", "wrong"}),
        icon="task",
    )
)
