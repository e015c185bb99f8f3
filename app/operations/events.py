"""What history says of a run of the self-check, and of a job's run that a person asked for."""

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

_JOB = frozenset({"job"})
JOB_ASKED = declare(Event("job_run_asked", N_("Run of %(job)s asked for"), fields=_JOB, icon="play"))
declare(Event("job_run_begun", N_("Run of %(job)s begun"), fields=_JOB, icon="in-progress"))
declare(
    Event("job_run_passed", N_("Run of %(job)s done: %(rows)s rows"), fields=frozenset({"job", "rows"}), icon="task")
)
declare(
    Event(
        "job_run_failed",
        N_("Run of %(job)s failed after %(rows)s rows"),
        fields=frozenset({"job", "rows"}),
        icon="warning",
    )
)
