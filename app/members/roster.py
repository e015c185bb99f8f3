"""Who belongs to the organisation acted for, and who is invited, as one list: whoever came last stands first."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Uuid, cast, false, func, literal, null, or_, select, true, union_all

from app.foundation.database import Instant, one_of
from app.foundation.pages import PAGE, Page, page_of
from app.foundation.tenancy import Viewer
from app.members import states
from app.members.model import Invitation, Member, Membership
from app.members.rules import has_expired

MEMBER, INVITED = "member", "invited"
#: how a row stands besides these two: the invitation was not answered in time, the account is deactivated
EXPIRED, INACTIVE = "expired", "inactive"


def people_here(
    *,
    by: Viewer,
    search: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    before: str | None = None,
    size: int = PAGE,
    beside: Callable[[Select[*tuple[Any, ...]], Any], Select[*tuple[Any, ...]]] | None = None,
) -> Page:
    """A page of the list, one statement. Rows: see everybody_here().

    `beside` joins what a room above knows of each row's e-mail address, given the select and that column.
    """
    found, keys = _roster(by, search, kind)
    if beside is not None:
        found = beside(found, found.selected_columns.email)
    return page_of(found, keys, after=after, before=before, size=size)


def everybody_here(*, by: Viewer, search: str | None = None, kind: str | None = None) -> Select[*tuple[Any, ...]]:
    """Every row, in the list's order, for files.

    (kind, id, created_at, roles, member_id, name, email, active, invited, second_factor, last_sign_in_at, sent_at, invited_by).
    `kind` is MEMBER, and id a membership's, or INVITED, and id an invitation's; `invited`: has not set a password yet.
    """
    found, keys = _roster(by, search, kind)
    return found.order_by(*(key.desc() for key in keys))


def standing_of(row: Any, now: datetime) -> str:
    """How a row of the list stands at `now`."""
    if row.kind == INVITED:
        return EXPIRED if has_expired(row.sent_at, now) else INVITED
    return MEMBER if row.active else INACTIVE


def _roster(by: Viewer, search: str | None, kind: str | None) -> tuple[Select[*tuple[Any, ...]], list[Any]]:
    parts = {MEMBER: _members(by), INVITED: _invitations(by)}
    chosen = [part for name, part in parts.items() if kind in (None, name)]
    rows = union_all(*chosen).subquery("roster") if len(chosen) > 1 else chosen[0].subquery("roster")
    found: Select[*tuple[Any, ...]] = select(rows)
    if search:
        typed = search.lower()
        found = found.where(
            or_(
                func.lower(rows.c.name).contains(typed, autoescape=True),
                rows.c.email.contains(typed, autoescape=True),
            )
        )
    return found, [rows.c.created_at, rows.c.id]


def _members(by: Viewer) -> Select[*tuple[Any, ...]]:
    return (
        select(
            literal(MEMBER).label("kind"), Membership.id, Membership.created_at, Membership.roles,
            Member.id.label("member_id"), Member.name, Member.email, Member.active,
            Member.password.is_(None).label("invited"), Member.totp_confirmed_at.is_not(None).label("second_factor"),
            Member.last_sign_in_at, cast(null(), Instant).label("sent_at"), literal("").label("invited_by"),
        )
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == by.organisation_id, Membership.capacity == by.capacity)
    )  # fmt: skip


def _invitations(by: Viewer) -> Select[*tuple[Any, ...]]:
    return select(
        literal(INVITED).label("kind"), Invitation.id, Invitation.created_at, Invitation.roles,
        cast(null(), Uuid).label("member_id"), literal("").label("name"), Invitation.email, true().label("active"),
        false().label("invited"), false().label("second_factor"),
        cast(null(), Instant).label("last_sign_in_at"), Invitation.sent_at, Invitation.invited_by_label.label("invited_by"),
    ).where(
        Invitation.organisation_id == by.organisation_id,
        Invitation.capacity == by.capacity,
        one_of(Invitation.state, (states.OPEN,)),
    )  # fmt: skip
