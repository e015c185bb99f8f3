"""Gives templates their building blocks: ``{{ ui.tag("pending") }}`` without an import line.

Each file in ``templates/components`` holds one family of macros; a macro's name is unique over
all of them. ``templates/components/README.md`` lists the macros with examples.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask
from flask_babel import lazy_gettext as _l
from jinja2 import Environment
from markupsafe import Markup

FOLDER = "components/"
#: Kept as they were made; labels may be anything.
MOST_ICONS = 1000


class Tag(NamedTuple):
    """How one state is shown. Colour gives the kind of state, icon and word say which."""

    label: Any
    colour: str
    icon: str


_DECIDE, _ALIVE, _WAIT, _GOOD, _BAD, _NEUTRAL, _FIXED = (
    "purple",
    "blue",
    "warm-gray",
    "green",
    "red",
    "gray",
    "cool-gray",
)
_TICK = "checkmark--filled"


def _tags() -> dict[str, Tag]:
    return {
        # a person must decide
        "pending": Tag(_l("Pending"), _DECIDE, "hourglass"),
        "completion_requested": Tag(_l("Completion requested"), _DECIDE, "task"),
        "waiting_for_approval": Tag(_l("Waiting for approval"), _DECIDE, "hourglass"),
        # alive, going on
        "active": Tag(_l("Active"), _ALIVE, "in-progress"),
        "in_progress": Tag(_l("In Progress"), _ALIVE, "in-progress"),
        "open": Tag(_l("Open"), _ALIVE, "in-progress"),
        "running": Tag(_l("Running"), _ALIVE, "in-progress"),
        "pricing_approved": Tag(_l("Pricing approved"), _ALIVE, "in-progress"),
        "evidence_approved": Tag(_l("Evidence approved"), _ALIVE, "in-progress"),
        # waiting for the machine or for another party
        "submitted": Tag(_l("Submitted"), _WAIT, "time"),
        "in_review": Tag(_l("In review"), _WAIT, "time"),
        "waiting": Tag(_l("Waiting"), _WAIT, "time"),
        "queued": Tag(_l("Queued"), _WAIT, "time"),
        "invited": Tag(_l("Invited"), _WAIT, "email"),
        "ready": Tag(_l("Ready"), _WAIT, "document"),
        "test": Tag(_l("Test"), _WAIT, "document"),
        "closed": Tag(_l("Closed, not frozen"), _WAIT, "unlocked"),
        "pricing_requested": Tag(_l("Pricing in review"), _WAIT, "time"),
        "evidence_submitted": Tag(_l("Evidence in review"), _WAIT, "time"),
        "publication_requested": Tag(_l("Publication in review"), _WAIT, "time"),
        "republication_requested": Tag(_l("Publication in review"), _WAIT, "time"),
        # ended well
        "rated": Tag(_l("Rated"), _GOOD, _TICK),
        "complete": Tag(_l("Complete"), _GOOD, _TICK),
        "completed": Tag(_l("Completed"), _GOOD, _TICK),
        "approved": Tag(_l("Approved"), _GOOD, _TICK),
        "published": Tag(_l("Published"), _GOOD, _TICK),
        "reconciled": Tag(_l("Reconciled"), _GOOD, _TICK),
        "connected": Tag(_l("Connected"), _GOOD, _TICK),
        "issued": Tag(_l("Issued"), _GOOD, _TICK),
        "covered": Tag(_l("Covered"), _GOOD, _TICK),
        "sent": Tag(_l("Sent"), _GOOD, _TICK),
        "paid": Tag(_l("Paid"), _GOOD, _TICK),
        "passed": Tag(_l("Passed"), _GOOD, _TICK),
        # refused or failed
        "rejected": Tag(_l("Rejected"), _BAD, "misuse"),
        "blocked": Tag(_l("Blocked"), _BAD, "misuse"),
        "error": Tag(_l("Error"), _BAD, "error--filled"),
        "failed": Tag(_l("Failed"), _BAD, "error--filled"),
        "overdue": Tag(_l("Overdue"), _BAD, "time"),
        "silent": Tag(_l("Silent"), _BAD, "time"),
        # neutral end, or not begun
        "withdrawn": Tag(_l("Withdrawn"), _NEUTRAL, "subtract"),
        "deleted": Tag(_l("Deleted"), _NEUTRAL, "subtract"),
        "removed": Tag(_l("Removed"), _NEUTRAL, "subtract"),
        "cancelled": Tag(_l("Cancelled"), _NEUTRAL, "subtract"),
        "superseded": Tag(_l("Superseded"), _NEUTRAL, "subtract"),
        "expired": Tag(_l("Expired"), _NEUTRAL, "subtract"),
        "deactivated": Tag(_l("Deactivated"), _NEUTRAL, "subtract"),
        "disabled": Tag(_l("Disabled"), _NEUTRAL, "subtract"),
        "not_started": Tag(_l("Not Started"), _NEUTRAL, "circle-dash"),
        "stopped": Tag(_l("Stopped"), _NEUTRAL, "stop--filled--alt"),
        "draft": Tag(_l("Draft"), _NEUTRAL, "edit"),
        "month_ready": Tag(_l("Ready to close"), _GOOD, "checkmark--outline"),
        "month_frozen": Tag(_l("Frozen, not closed"), _WAIT, "locked"),
        "month_reopened": Tag(_l("Reopened"), _DECIDE, "unlocked"),
        # cannot change any more
        "month_closed": Tag(_l("Closed"), _FIXED, "locked"),
        "frozen": Tag(_l("Frozen"), _FIXED, "locked"),
    }


def _tags_of_reselling() -> dict[str, Tag]:
    return {
        "consent_pending": Tag(_l("Waiting for consent"), _WAIT, "time"),
        "different": Tag(_l("Does not reconcile"), _BAD, "error--filled"),
        "overridden": Tag(_l("Overridden"), _DECIDE, "warning--alt--filled"),
        "unread": Tag(_l("Lines not read yet"), _NEUTRAL, "circle-dash"),
        "changed": Tag(_l("Changed since"), _DECIDE, "renew"),
        "in_force": Tag(_l("In force"), _GOOD, _TICK),
        "reconsent_needed": Tag(_l("Consent needed"), _BAD, "warning--filled"),
        "over_budget": Tag(_l("Over budget"), _BAD, "warning--filled"),
        "trending_over": Tag(_l("Trending over"), _WAIT, "time"),
        "suspended": Tag(_l("Suspended"), _WAIT, "time"),
        "partial": Tag(_l("Partial"), _WAIT, "in-progress"),
        "former": Tag(_l("Relationship ended"), _NEUTRAL, "subtract"),
        "disconnected": Tag(_l("Disconnected"), _NEUTRAL, "subtract"),
    }


TAGS = _tags() | _tags_of_reselling()


class Components:
    """Finds a macro by its name in any component file, and keeps what it found."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._where: dict[str, str] = {}
        self._macros: dict[str, Any] = {}
        self._icons: dict[tuple[str, int, Any], Markup] = {}

    def icon(self, name: str, size: int = 16, label: Any = None) -> Markup:
        """The macro `icon` of icons.html: a page has half a hundred of them, each made once a process."""
        made = self._icons.get((name, size, label))
        if made is None or self._env.auto_reload:
            made = self._env.get_template(f"{FOLDER}icons.html").module.icon(name, size, label)  # type: ignore[attr-defined]
            if len(self._icons) < MOST_ICONS:
                self._icons[name, size, label] = made
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self._macros.get(name)
        if found is not None and not self._env.auto_reload:
            return found
        where = self._files().get(name) or self._files(again=True).get(name)
        if where is None:
            raise LookupError(
                f"There is no component '{name}'. Known: {', '.join(sorted(self._where))}. "
                f"Write it as a macro in a file of templates/{FOLDER}, or correct the name."
            )
        self._macros[name] = getattr(self._env.get_template(where).module, name)
        return self._macros[name]

    def _files(self, again: bool = False) -> dict[str, str]:
        if self._where and not again:
            return self._where
        found: dict[str, str] = {}
        for path in self._env.list_templates(filter_func=_is_component):
            for name, value in vars(self._env.get_template(path).module).items():
                if name.startswith("_") or not callable(value):
                    continue
                if name in found:
                    raise LookupError(
                        f"Two component files define '{name}': {found[name]} and {path}. "
                        "Rename one; templates name a component without its file."
                    )
                found[name] = path
        self._where = found
        return found

    def all_macros(self) -> dict[str, str]:
        """Every component's name with its file, for tests and the listing."""
        return dict(sorted(self._files(again=True).items()))


def _is_component(path: str) -> bool:
    return path.startswith(FOLDER) and path.endswith(".html")


def install_ui(app: Flask) -> Components:
    """Registers what every template may use: ``ui``, ``tag_classes`` and ``icons``, the sprite's address."""
    ui = Components(app.jinja_env)
    asset: Any = app.jinja_env.globals.get("asset")  # from app.web.assets: the address with the content's hash
    sprite = "vendor/icons.svg"
    icons = asset(sprite) if asset else f"{app.static_url_path}/{sprite}"
    app.jinja_env.globals.update(ui=ui, tag_classes=TAGS, icons=icons)
    return ui
