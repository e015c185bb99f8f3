"""What the operator does with programmes. Listing a product follows with its own screens."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.catalog.model import Programme
from app.foundation import history
from app.foundation.billing_month import CUT_OFF_POLICIES
from app.foundation.database import transaction
from app.foundation.history import Event
from app.foundation.permissions import declare
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_

VIEW_PROGRAMME = declare("programme:view", N_("See the programmes' rules"))
MANAGE_PROGRAMME = declare("programme:manage", N_("Set up programmes and change their rules"))
VIEW_CATALOG = declare("catalog:view", N_("Browse the catalog of published services"))
VIEW_PRODUCT = declare("product:view", N_("See My products"))
EDIT_PRODUCT = declare("product:edit", N_("List products, plans and prices"))

PROGRAMME_CHANGED = history.declare(
    Event(
        "programme_changed",
        N_("%(setting)s changed from %(old)s to %(new)s"),
        fields=frozenset({"setting", "old", "new"}),
        icon="settings",
    )
)
#: what the operator may change, and how history names it
SETTINGS = {
    "cut_off": N_("Cut-off policy"),
    "completion_outcome": N_("Completion outcome"),
    "review_threshold_minor": N_("Review threshold"),
    "viewing_takes_all_three": N_("Viewing takes all three roles"),
    "allows_block": N_("Block tariffs for new plans"),
}
COMPLETION_OUTCOMES = ("delete", "keep-active")
#: This room knows no entries; the one that does is asked. Fed in create_app, once a process.
BILLED: list[Callable[[uuid.UUID], bool]] = []


def change_programme(programme: Programme, *, version: int, by: Viewer, **settings: Any) -> Programme:
    """Set some of SETTINGS, one History row each. AlreadyDone when somebody changed the programme since `version`.

    The cut-off policy is refused once something was billed: it names the book in which the programme's months close, and
    another book would not know what was frozen, closed or undecided in this one.
    """
    by.must(MANAGE_PROGRAMME)
    check_settings(settings)
    with transaction():
        programme = one(Programme, programme.id, lock=True)
        if programme.version != version:
            raise AlreadyDone("changed", "change_programme")
        if settings.get("cut_off", programme.cut_off) != programme.cut_off and is_cut_off_fixed(programme.id):
            raise Refused("cut_off", N_("It is fixed: months with entries of this programme stand in its book."))
        for name, new in settings.items():
            old = getattr(programme, name)
            if old != new:
                setattr(programme, name, new)
                history.record(
                    programme, PROGRAMME_CHANGED, by=by, setting=SETTINGS[name], old=_text(old), new=_text(new)
                )
        programme.version += 1
    return programme


def fix_cut_off_when(billed: Callable[[uuid.UUID], bool]) -> None:
    """Register what knows whether a programme has entries. Safe to call again with the same function."""
    if billed not in BILLED:
        BILLED.append(billed)


def is_cut_off_fixed(programme_id: uuid.UUID) -> bool:
    """Whether something was billed under it: its months stand in their book from then on."""
    return any(billed(programme_id) for billed in BILLED)


def check_settings(settings: dict[str, Any]) -> None:
    if settings.get("cut_off", "reject-after-grace") not in CUT_OFF_POLICIES:
        raise Refused("cut_off", N_("Choose one of the cut-off policies."))
    if settings.get("completion_outcome", "delete") not in COMPLETION_OUTCOMES:
        raise Refused("completion_outcome", N_("Choose what rejecting a completion request does."))
    threshold = settings.get("review_threshold_minor")
    if threshold is not None and not 0 <= threshold < 10**9:
        raise Refused("review_threshold", N_("Enter an amount from 0 to 9,999,999.99, or leave it empty."))
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise ValueError(f"not a setting: {unknown}")


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
