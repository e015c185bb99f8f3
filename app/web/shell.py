"""What surrounds every page: portal name, who is signed in and acts for whom, the menu, what waits.

Templates read it as `shell`; the list of its parts stands at the top of templates/shell.html. It costs one statement at most,
and none for a fragment: every part is worked out when the page asks for it.

What waits is counted by the rooms. Each gives a function that create_app feeds to `waiting`:

    def waiting_count(viewer: Viewer) -> tuple[str, ScalarSelect[int]] | None:
        '''Entries in review, on the line of the rating queue.'''
        if not viewer.may("rating-queue:decide"):
            return None
        few = select(BillingEntry.id).where(BillingEntry.state == IN_REVIEW).limit(100).subquery()
        return "/reviews/rating", select(func.count()).select_from(few).scalar_subquery()

Never more than 100 are counted; all counts of a page are one select. What is counted is filtered by tenancy as any query is.
The function is asked once a viewer, not once a page: it must not look at the clock or at rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import structlog
from flask import Flask, current_app, g, request
from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, Select, select
from sqlalchemy.exc import SQLAlchemyError

from app.foundation import clock, tenancy
from app.foundation.database import db
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import Capacity, Viewer
from app.web.instants import instant_utc
from app.web.languages import locale_name
from app.web.templating import initials, viewer

log = structlog.get_logger("web")

Waiting = Callable[[Viewer], tuple[str, ScalarSelect[Any]] | None]
#: What the bell counts: decisions that wait, and notices not read yet.
INBOX, NOTICES = "/inbox", "/notices"
#: Where one's own refused address is mended.
PREFERENCES = "/account/notices"
#: Counted as well, and no decisions: not in the Inbox.
NO_DECISIONS = (NOTICES, PREFERENCES, "/operations")
#: Fed in create_app, once a process.
WAITING: list[Waiting] = []


def capacity_words(capacity: str) -> str:
    """'as partner', behind an organisation's name."""
    return _capacity_words(capacity, locale_name())


@lru_cache(maxsize=100)
def _capacity_words(capacity: str, _language: str) -> str:
    words = {"operator": _("as operator"), "partner": _("as partner"), "customer": _("as customer")}
    return words.get(capacity, "")


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the menu: its group's label or None, its own, icon, path, who may open it and in which capacity.

    No other is equal to it: what is worked out of the menu is kept by its lines, and to hash all of their texts would take longer.
    """

    group: str | None
    label: str
    icon: str
    path: str
    permission: str | None = None
    #: None: in every capacity
    capacity: Capacity | None = None


class LineShown(NamedTuple):
    """A line of the menu as the template prints it, and as its piece of the page is kept by."""

    label: str
    path: str
    icon: str
    #: how much waits there; "" for nothing
    waiting: str
    current: bool


class Group(NamedTuple):
    label: str
    lines: tuple[LineShown, ...]


class ActFor(NamedTuple):
    """One organisation and capacity that the member may act for."""

    label: str
    detail: str
    key: str
    current: bool


def waiting(count: Waiting) -> Waiting:
    """Register a room's count. Safe to call again with the same function."""
    if count not in WAITING:
        WAITING.append(count)
    return count


def install(app: Flask, menu: Sequence[Line] = ()) -> None:
    """`menu` is the site map in menu order."""
    app.extensions["menu"] = tuple(menu)
    app.context_processor(lambda: {"shell": _shell()})


def _shell() -> "Shell":
    if "shell" not in g:
        g.shell = Shell()
    return g.shell


@lru_cache(maxsize=1000)
def _counting(viewer: Viewer, waiting: tuple[Waiting, ...]) -> tuple[tuple[str, ...], Select[Any] | None]:
    """The paths where this viewer's things wait, and the one select that counts them: built once for all of their pages."""
    asked = [found for count in waiting if (found := count(viewer))]
    numbers = [number.label(f"count_{place}") for place, (_path, number) in enumerate(asked)]
    return tuple(path for path, _number in asked), select(*numbers) if numbers else None


class Shell:
    """The parts of the page around the content, each worked out when asked for."""

    def __init__(self) -> None:
        settings = current_app.config.get("SETTINGS")
        self.portal_name: str = settings.portal_name if settings else "Partner Portal"
        self.demo: bool = bool(settings and settings.demo)
        self.sign_up: bool = bool(settings and settings.sign_up)
        self.viewer = viewer()
        #: the database cannot be reached: nothing is counted, and who asks may be signed in without our knowing it
        self.away = bool(g.get("database_away"))
        self.signed_in = self.viewer.member_id is not None
        self.organisation = self.viewer.organisation_name
        theme = request.cookies.get("theme")
        self.theme = theme if theme in ("light", "dark") else None

    @cached_property
    def lang(self) -> str:
        return locale_name().replace("_", "-")

    @cached_property
    def clock(self) -> str:
        """'1 Nov 2026, 20:00 UTC'"""
        day, _space, time = instant_utc(clock.now()).rpartition(" UTC")[0].rpartition(" ")
        return f"{day}, {time} UTC"

    @cached_property
    def member(self) -> dict[str, str]:
        person = g.get("signed_in")
        name = self.viewer.member_name
        return {"name": name, "initials": initials(name), "email": person.email if person else ""}

    @cached_property
    def choices(self) -> tuple[ActFor, ...]:
        """Every organisation and capacity the member may act for."""
        here = f"{self.viewer.organisation_id}:{self.viewer.capacity}"
        return tuple(
            ActFor(c.organisation_name, capacity_words(c.capacity), c.key, c.key == here)
            for c in g.get("memberships", ())
        )

    @cached_property
    def menu(self) -> tuple[Group, ...]:
        """Groups of lines that the viewer may open, in the site map's order; groups without a line are left out."""
        lines = _open_to(self.viewer, current_app.extensions["menu"])
        counts = tuple(self.waiting_count if line.path == INBOX else self.counts.get(line.path, 0) for line in lines)
        return _menu(lines, _current(lines, request.path), counts, locale_name())

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many things wait, by the path where they are dealt with; only what is above zero."""
        paths, counting = _counting(self.viewer, tuple(WAITING)) if self.signed_in else ((), None)
        if counting is None or self.away:
            return {}
        try:
            with tenancy.viewing(tenancy.as_usual(self.viewer)):  # a test's page counts no tests either
                [row] = columns_of(counting)
        except SQLAlchemyError as away:
            # The page of an error has a shell too: without its counts rather than not at all.
            log.warning("counts failed", exc_info=away)
            db.session.rollback()
            return {}
        totals: dict[str, int] = {}
        for path, found in zip(paths, row, strict=True):
            if found:
                totals[path] = totals.get(path, 0) + found
        return totals

    @cached_property
    def waiting_count(self) -> int:
        """Decisions that wait, wherever they are dealt with: the Inbox lists them all."""
        return sum(number for path, number in self.counts.items() if path not in NO_DECISIONS)

    @property
    def unread_count(self) -> int:
        return self.counts.get(NOTICES, 0)

    @property
    def mail_is_refused(self) -> bool:
        """Whether mail to the viewer's own address was refused for good."""
        return bool(self.counts.get(PREFERENCES))

    @cached_property
    def inbox_path(self) -> str:
        """Where the bell leads: to the notices when these alone are new, else to the Inbox. Each is one tab away."""
        return NOTICES if self.unread_count and not self.waiting_count else INBOX

    @property
    def search_path(self) -> str | None:
        """The list that the header's search opens: the engagements of whoever looks."""
        lists = (("engagement:view", "/engagements"), ("engagement:view-own", "/my/engagements"))
        return next((path for permission, path in lists if self.signed_in and self.viewer.may(permission)), None)

    @cached_property
    def public_menu(self) -> list[dict[str, Any]]:
        return [{"label": _("Catalog"), "path": "/catalog", "current": request.path.startswith("/catalog")}]


@lru_cache(maxsize=1000)
def _open_to(viewer: Viewer, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Nobody who is not signed in has a menu."""
    return tuple(
        line
        for line in lines
        if viewer.member_id is not None
        and line.capacity in (None, viewer.capacity)
        and (line.permission is None or viewer.may(line.permission))
    )


@lru_cache(maxsize=1000)
def _menu(lines: tuple[Line, ...], here: Line | None, counts: tuple[int, ...], _language: str) -> tuple[Group, ...]:
    groups: dict[str | None, list[LineShown]] = {}
    for line, count in zip(lines, counts, strict=True):
        shown = LineShown(_(line.label), line.path, line.icon, str(count) if count else "", line is here)
        groups.setdefault(line.group, []).append(shown)
    return tuple(Group(_(group) if group else "", tuple(shown)) for group, shown in groups.items())


def _current(lines: Sequence[Line], path: str) -> Line | None:
    """The line whose path is the longest beginning of where we are; Home only when we are there."""
    fitting = [line for line in lines if path == line.path or (line.path != "/" and path.startswith(f"{line.path}/"))]
    return max(fitting, key=lambda line: len(line.path), default=None)
