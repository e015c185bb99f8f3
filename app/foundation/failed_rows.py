"""Work of the machine that failed and waits: each room offers its kinds; /operations shows, retries and exports them all.

    KINDS = (FailedKind("billing-entry", N_("Billing entries"), "receipt", rows, KEYS, retry=retry_rating),)

A room keeps its kinds in failed_rows.py and create_app feeds them; nobody keeps a central list of what can fail.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Select, func, select

from app.foundation.database import at_most, db
from app.foundation.permissions import declare
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_

VIEW = declare("operations:view", N_("See jobs, failed rows, mail on its way and the self-check"))
RETRY = declare("operations:retry", N_("Retry failed rows, give up mail, run jobs and the self-check"))

#: what every kind's select is labelled with, beside the columns of its keys:
#: number and words of the row, with whom it has to do, since when it waits, why, tries so far, when it is tried again (None: not by itself)
LABELS = ("id", "about", "party", "since", "reason", "tries", "next_try_at")
#: more are said as "100 or more"
COUNTED = 100


class Verb(Protocol):
    """The room's own action: raises as actions do; NotVisible for a row this viewer may not see."""

    def __call__(self, row_id: uuid.UUID, /, *, by: Viewer) -> Any: ...


@dataclass(frozen=True)
class FailedKind:
    """One kind of failed row. `rows` selects those this viewer may see, `keys` order and page it, oldest first."""

    #: in addresses and forms: billing-entry
    name: str
    #: N_("Billing entries")
    label: str
    icon: str
    rows: Callable[[], Select[*tuple[Any, ...]]]
    keys: tuple[Any, ...]
    #: try it again at once
    retry: Verb
    #: never try it again; None: it is tried until it works
    give_up: Verb | None = None
    #: what giving up means, asked before: N_("Nobody is told what this mail says.")
    give_up_words: str = ""
    #: address of a row's own page with %s for its id; "" where it has none
    page: str = ""
    #: why the rows are read as the system, where no tenant sees them; "": as whoever looks
    system_because: str = ""
    #: for such a kind: its rows for the menu's count, which is read as whoever looks; nothing but that they are there
    tally: Callable[[], Select[*tuple[Any, ...]]] | None = None

    def looking(self) -> AbstractContextManager[object]:
        """Whoever reads `rows` does it inside."""
        return acting_for_all(self.system_because) if self.system_because else nullcontext()


#: Fed in create_app, once a process, in the order in which they are shown.
KINDS: dict[str, FailedKind] = {}


def offer(*kinds: FailedKind) -> None:
    """Register a room's kinds. Safe to call again with the same ones."""
    for kind in kinds:
        if KINDS.setdefault(kind.name, kind) != kind:
            raise ValueError(f"two kinds of failed row are called {kind.name!r}")


def count_of(kind: FailedKind) -> tuple[int, Any]:
    """(how many, COUNTED at most; when the one that has waited longest began to wait) of what this viewer may see."""
    few = kind.rows().order_by(*(key.asc() for key in kind.keys)).limit(at_most(COUNTED)).subquery()
    with kind.looking():
        row = db.session.execute(select(func.count(), func.min(few.c.since)).select_from(few)).one()
    return row[0], row[1]


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, scalar subquery) for the side menu: failed rows of every kind, COUNTED of each at most, in the shell's statement."""
    if viewer.capacity != "operator" or not viewer.may(VIEW) or not KINDS:
        return None
    few = [(kind.tally or kind.rows)().limit(at_most(COUNTED)).subquery() for kind in KINDS.values()]
    counts = [select(func.count()).select_from(some).scalar_subquery() for some in few]
    total = counts[0]
    for more in counts[1:]:
        total = total + more  # type: ignore[assignment]
    return "/operations", total
