"""What is asked about members: who is signed in, who belongs here, who is to be told."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, String, Uuid, and_, bindparam, cast, func, literal, select
from sqlalchemy.orm import aliased

from app.foundation.database import db, streamed
from app.foundation.kept_statements import columns_of
from app.foundation.pages import Page, page_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members import sessions, tries
from app.members.model import Member, MemberSession, Membership, RecoveryCode, SignInAttempt
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
    second_factor_required: bool = False

    @property
    def key(self) -> str:
        return f"{self.organisation_id}:{self.capacity}"


@dataclass(frozen=True, eq=False)
class SignedIn:
    """The member of this session, with everything a request needs to know, from one statement; of the same rows the same object."""

    member_id: uuid.UUID
    name: str
    email: str
    zone: str
    session_mark: str
    choices: tuple[Choice, ...]
    has_second_factor: bool = False
    #: which of the member's sessions asks, and when its use was noted; None: no browser's
    session_id: uuid.UUID | None = None
    session_seen_at: datetime | None = None


# Asked at each request: built once.
_MEMBER_OF_ALL = (
    select(
        Member.id, Member.name, Member.email, Member.zone, Member.session_mark,
        Member.totp_confirmed_at.is_not(None).label("second_factor"),
        Membership.organisation_id, Membership.capacity, Membership.created_at,
        cast(Membership.roles, String).label("roles"),  # read as text, so that it is the same for as long as they are
        Organisation.name.label("organisation_name"), Organisation.is_operator, Organisation.is_partner, Organisation.is_customer,
        Organisation.second_factor_since, Organisation.deactivated_at,
    )
    .outerjoin(Membership, Membership.member_id == Member.id)
    .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
    .where(Member.id == bindparam("member", type_=Uuid()), Member.active)
)  # fmt: skip
_MEMBER = _MEMBER_OF_ALL.add_columns(literal(None).label("session_id"), literal(None).label("session_seen_at"))
_MEMBER_OF_SESSION = _MEMBER_OF_ALL.add_columns(
    MemberSession.id.label("session_id"), MemberSession.last_seen_at.label("session_seen_at")
).join(
    MemberSession,
    (MemberSession.member_id == Member.id) & (MemberSession.digest == bindparam("digest", type_=String())),
)


def signed_in(member_id: uuid.UUID, session_token: str | None = None) -> SignedIn | None:
    """The active member with all memberships, by name of organisation. One statement; roles are as they are now.

    `session_token`: as the browser shows it; None at all where that session has ended.
    """
    asked: dict[str, Any] = {"member": member_id}
    found = _MEMBER
    if session_token is not None:
        found = _MEMBER_OF_SESSION
        asked["digest"] = sessions.digest_of(session_token)
    with acting_for_all("who is signed in, before there is a viewer"):
        rows = columns_of(found, asked)
    return _person_of(tuple(rows)) if rows else None


@lru_cache(maxsize=1000)
def _person_of(rows: tuple[Any, ...]) -> SignedIn:
    first = rows[0]
    choices = sorted(
        (_choice(row) for row in rows if _acts(row)),
        key=lambda choice: (choice.organisation_name.lower(), choice.capacity),
    )
    return SignedIn(
        first.id, first.name, first.email, first.zone, first.session_mark, tuple(choices),
        first.second_factor, first.session_id, first.session_seen_at,
    )  # fmt: skip


@lru_cache(maxsize=1000)
def viewer_for(person: SignedIn, acting_for: str | None) -> Viewer:
    """The viewer: the choice named by `acting_for`, else the oldest; without any, a member whom nobody has taken in yet.

    Where the organisation requires a second factor that the member has not got, a viewer of nothing but what is public.
    """
    choice = choice_of(person, acting_for)
    if choice is None or (choice.second_factor_required and not person.has_second_factor):
        return Viewer(
            "public",
            organisation_name=choice.organisation_name if choice else "",
            member_id=person.member_id,
            member_name=person.name,
            zone=person.zone,
        )
    return Viewer(
        choice.capacity,
        organisation_id=choice.organisation_id,
        organisation_name=choice.organisation_name,
        member_id=person.member_id,
        member_name=person.name,
        permissions=permissions_of(choice.roles, choice.capacity),
        zone=person.zone,
    )


def choice_of(person: SignedIn, acting_for: str | None) -> Choice | None:
    """Whom the member acts for, or would if that organisation let them."""
    known = {choice.key: choice for choice in person.choices}
    return known.get(acting_for or "") or min(
        person.choices, key=lambda choice: (choice.since, choice.key), default=None
    )


def _acts(row: Any) -> bool:
    """A membership counts while its organisation has that capacity and is active."""
    return row.deactivated_at is None and bool(
        {"operator": row.is_operator, "partner": row.is_partner, "customer": row.is_customer}.get(row.capacity)
    )


def _choice(row: Any) -> Choice:
    return Choice(
        row.organisation_id, row.organisation_name, row.capacity, frozenset(json.loads(row.roles)), row.created_at,
        row.second_factor_since is not None,
    )  # fmt: skip


def member_here(membership_id: uuid.UUID, by: Viewer) -> Any:
    """One member of the viewer's organisation, in the capacity acted in. NotVisible where it is another's.

    id (of the membership), created_at, roles, member_id, name, email, active, invited, second_factor, last_sign_in_at.
    """
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
    #: the organisation requires a second factor that they have not got: nothing of it is mailed to them
    shut_out: bool = False


def recipients(
    organisation_id: uuid.UUID, permission: str | None, *, member_id: uuid.UUID | None = None
) -> list[Recipient]:
    """The organisation's active members whose roles there grant the permission, in any capacity; None: all of them.

    `member_id`: this one alone, if still among them.
    """
    organisation = aliased(Organisation)
    found = (
        select(
            Member.id, Member.name, Member.email, Member.zone, Membership.organisation_id, Membership.capacity, Membership.roles,
            organisation.is_operator, organisation.is_partner, organisation.is_customer, organisation.deactivated_at,
            and_(organisation.second_factor_since.is_not(None), Member.totp_confirmed_at.is_(None)).label("shut_out"),
        )
        .join(Membership, Membership.member_id == Member.id)
        .join(organisation, organisation.id == Membership.organisation_id)
        .where(Membership.organisation_id == organisation_id, Member.active)
        .order_by(Member.id)
    )  # fmt: skip
    if member_id is not None:
        found = found.where(Member.id == member_id)
    told: dict[uuid.UUID, Recipient] = {}
    with acting_for_all("whom a notice of this organisation goes to"):
        for row in db.session.execute(found):
            granted = permissions_of(frozenset(row.roles), row.capacity)
            if _acts(row) and (permission is None or permission in granted):
                told[row.id] = Recipient(row.id, row.name, row.email, row.zone, row.shut_out)
    return list(told.values())


def recipient(member_id: uuid.UUID) -> Recipient | None:
    """The member a notice about their own account is addressed to, if still active."""
    with acting_for_all("whom a member's own notice goes to"):
        row = db.session.execute(
            select(Member.id, Member.name, Member.email, Member.zone).where(Member.id == member_id, Member.active)
        ).one_or_none()
    return Recipient(*row) if row else None


def zone_of(email: str) -> str:
    """In which zone the member with this address reads instants; UTC where it is nobody's."""
    with acting_for_all("in whose zone a mail is written"):
        return db.session.scalar(select(Member.zone).where(Member.email == email.strip().lower())) or "UTC"


@dataclass(frozen=True)
class OwnSecurity:
    """What /account shows of one's own sign-in."""

    has_second_factor: bool
    second_factor_since: datetime | None
    set_up_waits: bool
    recovery_codes_left: int
    #: the last few: (at, id, source, outcome), newest first
    tries: Sequence[Any]


def own_security(by: Viewer, email: str) -> OwnSecurity:
    """The member's own second factor and last tries; nobody else's page asks this."""
    with acting_for_all("a member's own account"):
        row = db.session.execute(
            select(Member.totp_confirmed_at, Member.totp_secret.is_not(None).label("secret")).where(
                Member.id == by.member_id
            )
        ).one()
        seen = page_of(_tries_of(email, None), TRIES_KEYS, size=5).rows
        on = row.totp_confirmed_at is not None
        left = recovery_codes_left(by.member_id) if on and by.member_id else 0
    return OwnSecurity(on, row.totp_confirmed_at, row.secret and not on, left, seen)


#: newest first
TRIES_KEYS = (SignInAttempt.at, SignInAttempt.id)


def sign_ins_of(
    email: str, *, since: datetime | None = None, after: str | None = None, before: str | None = None
) -> Page:
    """A page of the tries with this e-mail: (at, id, source, outcome). Whose e-mail may be asked about is the caller's.

    `since`: an organisation's admin sees no try from before the member joined.
    """
    with acting_for_all("tries are the system's; whoever may see these has asked"):
        return page_of(_tries_of(email, since), TRIES_KEYS, after=after, before=before)


def every_sign_in_of(email: str, *, since: datetime | None = None) -> Iterator[Any]:
    """All of them, for a file, as sign_ins_of() gives them."""
    with acting_for_all("tries are the system's; whoever may see these has asked"):
        found = streamed(_tries_of(email, since).order_by(*(key.desc() for key in TRIES_KEYS)))
    yield from found


def _tries_of(email: str, since: datetime | None) -> Select[*tuple[Any, ...]]:
    found = select(SignInAttempt.at, SignInAttempt.id, SignInAttempt.source, SignInAttempt.outcome).where(
        SignInAttempt.email_digest == tries.email_digest(email)
    )
    return found if since is None else found.where(SignInAttempt.at >= since)


def recovery_codes_left(member_id: uuid.UUID) -> int:
    unused = (
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.member_id == member_id, RecoveryCode.used_at.is_(None))
    )
    with acting_for_all("a member's own recovery codes"):
        return db.session.scalar(unused) or 0
