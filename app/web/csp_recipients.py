"""Who is told of a budget: the partner's own people, for the mail says what a customer costs it."""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from app.csp.permissions import VIEW_CUSTOMERS
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.foundation.text import N_
from app.members.directory import members_of
from app.members.roles import permissions_of


def who_may_be_told(*, by: Viewer) -> dict[str, str]:
    """Member id -> name, of the active members of this partner who may see CSP customers."""
    return {
        str(row.member_id): row.name
        for row in members_of(cast(UUID, by.organisation_id))
        if row.active
        and row.capacity == "partner"
        and VIEW_CUSTOMERS in permissions_of(frozenset(row.roles), "partner")
    }


def check_recipients(chosen: Iterable[str], *, by: Viewer) -> list[str]:
    wanted = list(dict.fromkeys(chosen))
    if wanted and not set(wanted) <= set(who_may_be_told(by=by)):
        raise Refused("recipients", N_("Choose people from the list: members here who may see CSP customers."))
    return wanted
