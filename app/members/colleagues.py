"""Members as viewers: what somebody else of the organisation would see, and whose morning has come."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import and_, or_, select

from app.foundation.database import db
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members.model import Member, Membership
from app.members.roles import permissions_of
from app.parties.model import Organisation

_COLUMNS = (
    Member.id, Member.name, Member.zone, Membership.organisation_id, Membership.capacity, Membership.roles,
    Organisation.name.label("organisation_name"),
)  # fmt: skip


def colleagues_of(viewer: Viewer, limit: int) -> Sequence[Viewer]:
    """Active members of the same organisation in the same capacity, by name, without the viewer; as they would look."""
    found = (
        _members()
        .where(
            Membership.organisation_id == viewer.organisation_id,
            Membership.capacity == viewer.capacity,
            Member.id != viewer.member_id,
        )
        .order_by(Member.name, Member.id)
        .limit(limit)
    )
    return [_viewer(row) for row in db.session.execute(found)]


def zones_in_use() -> Sequence[str]:
    """The time zones of active members."""
    with acting_for_all("whose morning it is"):
        return db.session.scalars(select(Member.zone).where(Member.active).distinct()).all()


def viewers_in(zones: Iterable[str], *, seen: Any, day: date, limit: int) -> Sequence[Viewer]:
    """Members of these zones as viewers, one a membership, in the order (member, organisation), of whom the model `seen`
    (member_id, organisation_id, day) holds no row for the day."""
    found = (
        _members()
        .outerjoin(
            seen,
            and_(
                seen.member_id == Membership.member_id,
                seen.organisation_id == Membership.organisation_id,
                seen.day == day,
            ),
        )
        .where(Member.zone.in_(list(zones)), Member.password.is_not(None), seen.id.is_(None))
        .order_by(Member.id, Membership.organisation_id, Membership.capacity)
        .limit(limit)
    )
    with acting_for_all("whose morning it is"):
        return [_viewer(row) for row in db.session.execute(found)]


def _members() -> Any:
    """A membership counts while its organisation is active and has that capacity, and while the member has the second factor
    that it requires: as queries.viewer_for() would have it."""
    acts = or_(
        *(
            and_(Membership.capacity == capacity, column)
            for capacity, column in (
                ("operator", Organisation.is_operator),
                ("partner", Organisation.is_partner),
                ("customer", Organisation.is_customer),
            )
        )
    )
    return (
        select(*_COLUMNS)
        .join(Membership, Membership.member_id == Member.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(
            Member.active,
            acts,
            Organisation.deactivated_at.is_(None),
            or_(Organisation.second_factor_since.is_(None), Member.totp_confirmed_at.is_not(None)),
        )
    )


def _viewer(row: Any) -> Viewer:
    capacity = cast(Capacity, row.capacity)
    return Viewer(
        capacity,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation_name,
        member_id=row.id,
        member_name=row.name,
        permissions=permissions_of(frozenset(row.roles), capacity),
        zone=row.zone,
    )
