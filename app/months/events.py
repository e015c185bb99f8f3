"""What happens to a month, told on its own history, which the operator reads."""

from app.foundation.history import Event, declare
from app.foundation.permissions import declare as declare_permission
from app.foundation.text import N_

VIEW = declare_permission("month:view", N_("See months, their checklists and what each close stored"))
MANAGE = declare_permission("month:manage", N_("Close months, ask to reopen them and confirm it"))

MONTH_FROZEN = declare(
    Event(
        "month_frozen",
        N_("%(month)s frozen: no entry is accepted any more"),
        fields=frozenset({"month"}),
        icon="locked",
    )
)
declare(
    Event(
        "month_closed",
        N_("%(month)s closed at %(totals)s. History root %(root)s over %(chains)s chains, %(events)s events"),
        fields=frozenset({"month", "totals", "root", "chains", "events"}),
        icon="checkmark--filled",
    )
)
REOPENING_ASKED = declare(
    Event(
        "month_reopening_asked",
        N_("Asked to reopen %(month)s: %(reason)s"),
        fields=frozenset({"month", "reason"}),
        icon="hourglass",
    )
)
declare(
    Event(
        "month_reopening_confirmed",
        N_("Reopening of %(month)s confirmed by a second person"),
        fields=frozenset({"month"}),
        icon="checkmark",
    )
)
declare(
    Event(
        "month_reopening_declined",
        N_("Reopening of %(month)s declined"),
        fields=frozenset({"month"}),
        icon="close",
    )
)
declare(
    Event(
        "month_reopened",
        N_("%(month)s reopened %(how)s: %(reason)s"),
        fields=frozenset({"month", "how", "reason"}),
        icon="unlocked",
    )
)
