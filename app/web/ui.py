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


def _tags() -> dict[str, Tag]:
    decide, alive, wait, good, bad, neutral, fixed = (
        "purple", "blue", "warm-gray", "green", "red", "gray", "cool-gray",
    )  # fmt: skip
    tick = "checkmark--filled"
    return {
        # a person must decide
        "pending": Tag(_l("Pending"), decide, "hourglass"),
        "completion_requested": Tag(_l("Completion requested"), decide, "task"),
        "waiting_for_approval": Tag(_l("Waiting for approval"), decide, "hourglass"),
        # alive, going on
        "active": Tag(_l("Active"), alive, "in-progress"),
        "in_progress": Tag(_l("In Progress"), alive, "in-progress"),
        "open": Tag(_l("Open"), alive, "in-progress"),
        "running": Tag(_l("Running"), alive, "in-progress"),
        "pricing_approved": Tag(_l("Pricing approved"), alive, "in-progress"),
        "evidence_approved": Tag(_l("Evidence approved"), alive, "in-progress"),
        # waiting for the machine or for another party
        "consent_pending": Tag(_l("Waiting for consent"), wait, "time"),
        "submitted": Tag(_l("Submitted"), wait, "time"),
        "in_review": Tag(_l("In review"), wait, "time"),
        "waiting": Tag(_l("Waiting"), wait, "time"),
        "queued": Tag(_l("Queued"), wait, "time"),
        "invited": Tag(_l("Invited"), wait, "email"),
        "ready": Tag(_l("Ready"), wait, "document"),
        "test": Tag(_l("Test"), wait, "document"),
        "closed": Tag(_l("Closed, not frozen"), wait, "unlocked"),
        "pricing_requested": Tag(_l("Pricing in review"), wait, "time"),
        "evidence_submitted": Tag(_l("Evidence in review"), wait, "time"),
        "publication_requested": Tag(_l("Publication in review"), wait, "time"),
        "republication_requested": Tag(_l("Publication in review"), wait, "time"),
        # ended well
        "rated": Tag(_l("Rated"), good, tick),
        "complete": Tag(_l("Complete"), good, tick),
        "completed": Tag(_l("Completed"), good, tick),
        "approved": Tag(_l("Approved"), good, tick),
        "published": Tag(_l("Published"), good, tick),
        "reconciled": Tag(_l("Reconciled"), good, tick),
        "different": Tag(_l("Does not reconcile"), bad, "error--filled"),
        "overridden": Tag(_l("Overridden"), decide, "warning--alt--filled"),
        "unread": Tag(_l("Lines not read yet"), neutral, "circle-dash"),
        "changed": Tag(_l("Changed since"), decide, "renew"),
        "in_force": Tag(_l("In force"), good, tick),
        "connected": Tag(_l("Connected"), good, tick),
        "issued": Tag(_l("Issued"), good, tick),
        "covered": Tag(_l("Covered"), good, tick),
        "sent": Tag(_l("Sent"), good, tick),
        "paid": Tag(_l("Paid"), good, tick),
        "passed": Tag(_l("Passed"), good, tick),
        # refused or failed
        "reconsent_needed": Tag(_l("Consent needed"), bad, "warning--filled"),
        "rejected": Tag(_l("Rejected"), bad, "misuse"),
        "blocked": Tag(_l("Blocked"), bad, "misuse"),
        "error": Tag(_l("Error"), bad, "error--filled"),
        "failed": Tag(_l("Failed"), bad, "error--filled"),
        "overdue": Tag(_l("Overdue"), bad, "time"),
        "over_budget": Tag(_l("Over budget"), bad, "warning--filled"),
        "trending_over": Tag(_l("Trending over"), wait, "time"),
        "suspended": Tag(_l("Suspended"), wait, "time"),
        "partial": Tag(_l("Partial"), wait, "in-progress"),
        "silent": Tag(_l("Silent"), bad, "time"),
        # neutral end, or not begun
        "withdrawn": Tag(_l("Withdrawn"), neutral, "subtract"),
        "deleted": Tag(_l("Deleted"), neutral, "subtract"),
        "removed": Tag(_l("Removed"), neutral, "subtract"),
        "cancelled": Tag(_l("Cancelled"), neutral, "subtract"),
        "superseded": Tag(_l("Superseded"), neutral, "subtract"),
        "expired": Tag(_l("Expired"), neutral, "subtract"),
        "deactivated": Tag(_l("Deactivated"), neutral, "subtract"),
        "disabled": Tag(_l("Disabled"), neutral, "subtract"),
        "former": Tag(_l("Relationship ended"), neutral, "subtract"),
        "not_started": Tag(_l("Not Started"), neutral, "circle-dash"),
        "disconnected": Tag(_l("Disconnected"), neutral, "subtract"),
        "stopped": Tag(_l("Stopped"), neutral, "stop--filled--alt"),
        "draft": Tag(_l("Draft"), neutral, "edit"),
        "month_ready": Tag(_l("Ready to close"), good, "checkmark--outline"),
        "month_frozen": Tag(_l("Frozen, not closed"), wait, "locked"),
        "month_reopened": Tag(_l("Reopened"), decide, "unlocked"),
        # cannot change any more
        "month_closed": Tag(_l("Closed"), fixed, "locked"),
        "frozen": Tag(_l("Frozen"), fixed, "locked"),
    }


TAGS = _tags()


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
