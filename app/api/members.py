"""Members, invitations and roles, to be read. Who belongs, and with which roles, is decided on the screens.

A key neither outlives its membership nor exceeds it. Whoever could invite by key would make an account that does both, so
nobody can.
"""

import uuid
from collections.abc import Sequence
from typing import Any, cast

from app.api import member_schemas as schemas
from app.api.operations import Operations
from app.api.schemas import Paging, page_of
from app.api.shapes import listed, paged
from app.foundation import clock, tenancy
from app.foundation.permissions import PERMISSIONS
from app.members import queries, roster
from app.members.roles import EVERY_MEMBER, GRANTS, ROLES
from app.web import chains
from app.web.templating import translate

operations = Operations(
    "members", __name__, description="Who belongs to the organisation or is invited, with which roles."
)

VIEW = {"partner": "member:view", "customer": "member:view"}


@operations.get("/members", query=schemas.PersonFilters, gives=page_of(schemas.Person), needs=VIEW)
def list_members(query: dict[str, Any]) -> Any:
    """Members and open invitations, whoever came last first."""
    by, wanted = tenancy.current(), {name: query.get(name) for name in ("search", "kind")}
    return paged(lambda after, size: roster.people_here(by=by, **wanted, after=after, size=size), query, _people)


@operations.get("/members/<uuid:membership_id>", gives=schemas.Person, needs=VIEW)
def get_member(membership_id: uuid.UUID) -> Any:
    """One member. What became of their sign-ins is on the screens."""
    row = queries.member_here(membership_id, tenancy.current())
    return {
        **_both(row),
        "kind": roster.MEMBER,
        "status": roster.MEMBER if row.active else roster.INACTIVE,
        **_NOT_INVITED,
    }


@operations.get("/roles", gives=page_of(schemas.Role), needs=VIEW)
def list_roles() -> Any:
    """The roles that members here may hold."""
    capacity = tenancy.current().capacity
    here = [role for role in ROLES.values() if role.capacity == capacity]
    items = [{"key": role.key, "label": translate(role.label), "sentence": translate(role.sentence)} for role in here]
    return {"items": items, "next_cursor": None}


@operations.get("/permissions", gives=page_of(schemas.Permission), needs=VIEW)
def list_permissions() -> Any:
    """What members here may do, and the roles that it takes."""
    capacity = tenancy.current().capacity
    granted: dict[str, frozenset[str]] = dict.fromkeys(sorted(EVERY_MEMBER.get(capacity, ())), frozenset())
    granted |= {name: roles for (name, where), roles in GRANTS.items() if where == capacity}
    items = [
        {"name": name, "sentence": translate(PERMISSIONS[name]), "roles": [key for key in ROLES if key in needed]}
        for name, needed in granted.items()
        if name in PERMISSIONS
    ]
    return {"items": items, "next_cursor": None}


@operations.get("/organisation/history", query=Paging, gives=page_of(schemas.OrganisationEvent), needs=VIEW)
def list_organisation_history(query: dict[str, Any]) -> Any:
    """Who joined and left, which roles, keys and webhooks changed, newest first."""
    own_id = cast(uuid.UUID, tenancy.current().organisation_id)
    return listed(chains.events_found("organisation", own_id), chains.KEYS, query, _events)


def _people(rows: Sequence[Any]) -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {
            **_both(row),
            "kind": row.kind,
            "status": roster.standing_of(row, now),
            "invited_by": row.invited_by,
            "invitation_sent_at": row.sent_at,
        }
        for row in rows
    ]


_NOT_INVITED: dict[str, Any] = {"invited_by": "", "invitation_sent_at": None}


def _both(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "member_id": row.member_id,
        "name": row.name,
        "email": row.email,
        "roles": [key for key in row.roles if key in ROLES],
        "second_factor": row.second_factor,
        "last_sign_in_at": row.last_sign_in_at,
        "since": row.created_at,
    }


def _events(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"sequence": row.sequence, "event": row.event, "sentence": said.sentence, "at": row.at, "by": said.by}
        for row, said in ((row, chains.told(row)) for row in rows)
    ]
