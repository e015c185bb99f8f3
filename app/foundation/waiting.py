"""What waits for a person: each room offers the kinds of decision it asks for; Inbox and Home read them all.

    KINDS = (
        Kind("engagement-request", N_("Approve engagement"), "task", waiting_for, approve=..., reject=...),
    )

A room keeps its kinds in waiting.py and create_app feeds them; nobody keeps a central list of what waits.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.foundation.money import Money
from app.foundation.tenancy import Viewer


class Waiting(NamedTuple):
    """One decision that waits for the viewer who asked."""

    #: the row to be decided
    id: uuid.UUID
    #: when it began to wait
    since: datetime
    #: what it is about, in its own name: an engagement's, a product's
    about: str
    #: who it comes from
    sender: str
    #: where it is read and decided
    path: str
    #: said aloud: ENG-1042, BE-3107; "" where there is none
    number: str = ""
    #: what it is worth, where the viewer may see amounts
    value: Money | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of decision. `approve` and `reject` are the room's own actions, for bulk; None: decided on its page only."""

    #: in addresses and forms: engagement-request
    name: str
    #: N_("Approve engagement")
    label: str
    icon: str
    #: (viewer, limit) -> at most so many, oldest first; nothing for a viewer who may not decide them
    waiting_for: Callable[[Viewer, int], Sequence[Waiting]]
    #: (id, by=...): raises as the action does. Where a yes is to an amount it takes shown=str(Waiting.value) as well
    approve: Callable[..., object] | None = None
    #: (id, reason=..., by=...): raises as the action does
    reject: Callable[..., object] | None = None
    #: what a yes and a no do to each, for the page that asks: N_("becomes Active and billable from that instant")
    approved: str = ""
    rejected: str = ""
    #: a no sends it back to be mended and asked for again: "returned", not "rejected"
    returns: bool = False


#: Fed in create_app, once a process, in the order of the Inbox.
KINDS: dict[str, Kind] = {}


def offer(*kinds: Kind) -> None:
    """Register a room's kinds. Safe to call again with the same ones."""
    for kind in kinds:
        if KINDS.setdefault(kind.name, kind) != kind:
            raise ValueError(f"two kinds of decision are called {kind.name!r}")
