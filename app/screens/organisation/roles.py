"""What each role allows: the table that grants everything, as it is in the code. The operator reads every capacity's."""

from typing import Any, cast

from flask import Blueprint, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation import tenancy
from app.foundation.permissions import PERMISSIONS
from app.foundation.tenancy import Capacity
from app.members.roles import EVERY_MEMBER, GRANTS, ROLES
from app.web.fragments import show
from app.web.guard import needs
from app.web.templating import translate

screen = Blueprint("roles", __name__)

CAPACITIES = {"operator": _l("Operator"), "partner": _l("Partner"), "customer": _l("Customer")}


@screen.get("/members/roles", endpoint="show")
@needs("member:view")
def show_roles() -> Any:
    own = tenancy.current().capacity
    asked = request.args.get("capacity", "")
    shown = cast(Capacity, asked if own == "operator" and asked in CAPACITIES else own)
    tabs = [
        {"label": words, "path": f"/members/roles?capacity={capacity}", "current": capacity == shown}
        for capacity, words in CAPACITIES.items()
    ]
    return show(
        "organisation/roles.html",
        roles=[(role, _alone(role.key, shown)) for role in ROLES.values() if role.capacity == shown],
        grants=_grants(shown),
        tabs=tabs if own == "operator" else [],
    )


def _alone(role: str, capacity: Capacity) -> int:
    """How many permissions the role gives without any other."""
    return sum(needed == {role} for (_name, where), needed in GRANTS.items() if where == capacity)


def _grants(capacity: Capacity) -> list[tuple[str, str, bool]]:
    """(what may be done, what it takes in words, whether it takes a role at all): every row of the table, every member's first."""
    granted: dict[str, frozenset[str]] = dict.fromkeys(sorted(EVERY_MEMBER.get(capacity, ())), frozenset())
    granted |= {name: roles for (name, where), roles in GRANTS.items() if where == capacity}
    rows = [(PERMISSIONS[name], needed) for name, needed in granted.items() if name in PERMISSIONS]
    rows.sort(key=lambda row: bool(row[1]))
    return [(sentence, _in_words(needed), bool(needed)) for sentence, needed in rows]


def _in_words(needed: frozenset[str]) -> str:
    """'Product Editor', or 'all of: Partner Pricing Viewer, Partner Pricing Submitter and Software Instance Editor'."""
    labels = [translate(ROLES[key].label) for key in ROLES if key in needed]  # in the table's order
    if not labels:
        return _("No role: every member may")
    if len(labels) == 1:
        return labels[0]
    return _("All of: %(some)s and %(last)s", some=", ".join(labels[:-1]), last=labels[-1])
