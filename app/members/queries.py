"""What is asked about members: who is signed in, who belongs here, who is to be told."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from app.foundation.database import db
from app.foundation.pages import Page, page_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members import tries
from app.members.model import Member, Membership, RecoveryCode, SignInAttempt
from app.members.roles import permissions_of
from app.parties.model import Organisation


@dataclass(frozen=True)
class Choice:
    """One organisation, in one capacity, that the member may act for."""

    organisation_id: uuid.UUID
    organisation_name: str
    capacity: Capacity
    roles: frozenset[str]
    since: datetime

    @property
    def key(self) -> str:
        return f"{self.organisation_id}:{self.capacity}"


@dataclass(frozen=True)
class SignedIn:
    """The member of this session, with everything a request needs to know, from one statement."""

    member_id: uuid.UUID
    name: str
    email: str
    zone: str
    session_mark: str
    choices: tuple[Choice, ...]


def signed_in(member_id: uuid.UUID) -> SignedIn | None:
    """The active member with all memberships, by name of organisation. One statement; roles are as they are now."""
    found = (
        select(
            Member.id, Member.name, Member.email, Member.zone, Member.session_mark,
            Membership.organisation_id, Membership.capacity, Membership.roles, Membership.created_at,
            Organisation.name.label("organisation_name"), Organisation.is_operator, Organisation.is_partner, Organisation.is_customer,
        )
        .outerjoin(Membership, Membership.member_id == Member.id)
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .where(Member.id == member_id, Member.active)
    )  # fmt: skip
    with acting_for_all("who is signed in, before there is a viewer"):
        rows = db.session.execute(found).all()
    if not rows:
        return None
    first = rows[0]
    choices = sorted(
        (_choice(row) for row in rows if _acts(row)),
        key=lambda choice: (choice.organisation_name.lower(), choice.capacity),
    )
    return SignedIn(first.id, first.name, first.email, first.zone, first.session_mark, tuple(choices))


def viewer_for(person: SignedIn, acting_for: str | None) -> Viewer:
    """The viewer: the choice named by `acting_for`, else the oldest; without any, a member whom nobody has taken in yet."""
    known = {choice.key: choice for choice in person.choices}
    choice = known.get(acting_for or "") or min(
        person.choices, key=lambda choice: (choice.since, choice.key), default=None
    )
    if choice is None:
        return Viewer("public", member_id=person.member_id, member_name=person.name, zone=person.zone)
    return Viewer(
        choice.capacity,
        organisation_id=choice.organisation_id,
        organisation_name=choice.organisation_name,
        member_id=person.member_id,
        member_name=person.name,
        permissions=permissions_of(choice.roles, choice.capacity),
        zone=person.zone,
    )


def _acts(row: Any) -> bool:
    """A membership counts while its organisation has that capacity."""
    return bool({"operator": row.is_operator, "partner": row.is_partner, "customer": row.is_customer}.get(row.capacity))


def _choice(row: Any) -> Choice:
    return Choice(
        row.organisation_id, row.organisation_name, cast(Capacity, row.capacity), frozenset(row.roles), row.created_at
    )


def members_here(by: Viewer, *, search: str | None = None, after: str | None = None, before: str | None = None) -> Page:
    """A page of the viewer's own organisation, in the capacity acted in, who joined last first.

    Rows: id (of the membership), created_at, roles, member_id, name, email, active, invited, second_factor, last_sign_in_at.
    """
    found = _members_here(by)
    if search:
        typed = search.lower()
        found = found.where(
            or_(func.lower(Member.name).contains(typed, autoescape=True), Member.email.contains(typed, autoescape=True))
        )
    return page_of(found, [Membership.created_at, Membership.id], after=after, before=before)


def member_here(membership_id: uuid.UUID, by: Viewer) -> Any:
    """One row as of members_here(). NotVisible where it is another organisation's or another capacity's."""
    row = db.session.execute(_members_here(by).where(Membership.id == membership_id)).one_or_none()
    if row is None:
        raise NotVisible
    return row


def _members_here(by: Viewer) -> Any:
    return (
        select(
            Membership.id, Membership.created_at, Membership.roles,
            Member.id.label("member_id"), Member.name, Member.email, Member.active, Member.password.is_(None).label("invited"),
            Member.totp_confirmed_at.is_not(None).label("second_factor"), Member.last_sign_in_at,
        )
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == by.organisation_id, Membership.capacity == by.capacity)
    )  # fmt: skip


@dataclass(frozen=True)
class Recipient:
    """Somebody to tell: active, and reachable by mail."""

    member_id: uuid.UUID
    name: str
    email: str
    zone: str


def recipients(organisation_id: uuid.UUID, permission: str | None) -> list[Recipient]:
    """The organisation's active members whose roles there grant the permission, in any capacity; None: all of them."""
    organisation = aliased(Organisation)
    found = (
        select(
            Member.id, Member.name, Member.email, Member.zone, Membership.organisation_id, Membership.capacity, Membership.roles,
            organisation.name.label("organisation_name"), organisation.is_operator, organisation.is_partner, organisation.is_customer,
        )
        .join(Membership, Membership.member_id == Member.id)
        .join(organisation, organisation.id == Membership.organisation_id)
        .where(Membership.organisation_id == organisation_id, Member.active)
        .order_by(Member.id)
    )  # fmt: skip
    told: dict[uuid.UUID, Recipient] = {}
    with acting_for_all("whom a notice of this organisation goes to"):
        for row in db.session.execute(found):
            granted = permissions_of(frozenset(row.roles), cast(Capacity, row.capacity))
            if _acts(row) and (permission is None or permission in granted):
                told[row.id] = Recipient(row.id, row.name, row.email, row.zone)
    return list(told.values())


def recipient(member_id: uuid.UUID) -> Recipient | None:
    """The member a notice is addressed to, if still active."""
    with acting_for_all("whom a member's own notice goes to"):
        row = db.session.execute(
            select(Member.id, Member.name, Member.email, Member.zone).where(Member.id == member_id, Member.active)
        ).one_or_none()
    return Recipient(*row) if row else None


@dataclass(frozen=True)
class OwnSecurity:
    """What /account shows of one's own sign-in."""

    has_second_factor: bool
    second_factor_since: datetime | None
    set_up_waits: bool
    recovery_codes_left: int
    #: (instant, source, outcome), newest first
    tries: Sequence[Any]


def own_security(by: Viewer, email: str) -> OwnSecurity:
    """The member's own second factor and last twenty tries; nobody else's page asks this."""
    with acting_for_all("a member's own account"):
        row = db.session.execute(
            select(Member.totp_confirmed_at, Member.totp_secret.is_not(None).label("secret")).where(
                Member.id == by.member_id
            )
        ).one()
        seen = db.session.execute(
            select(SignInAttempt.at, SignInAttempt.source, SignInAttempt.outcome)
            .where(SignInAttempt.email_digest == tries.email_digest(email))
            .order_by(SignInAttempt.at.desc(), SignInAttempt.id.desc())
            .limit(20)
        ).all()
        on = row.totp_confirmed_at is not None
        left = recovery_codes_left(cast(uuid.UUID, by.member_id)) if on else 0
    return OwnSecurity(on, row.totp_confirmed_at, row.secret and not on, left, seen)


def recovery_codes_left(member_id: uuid.UUID) -> int:
    unused = (
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.member_id == member_id, RecoveryCode.used_at.is_(None))
    )
    with acting_for_all("a member's own recovery codes"):
        return db.session.scalar(unused) or 0
