"""API keys: what a program shows instead of a password, at /api only.

A key is bound to the member who made it and to one membership of theirs. What it may do is worked out at each use: what was
chosen for it, of what the member's roles allow now. So it neither outlives the membership nor exceeds it. The key itself is
shown once; kept are its beginning, by which people tell keys apart, and a fingerprint that only this installation can compute.
"""

import secrets
import string
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, UniqueConstraint, Uuid, and_, false, select
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock, history
from app.foundation.database import Base, Instant, Row, db, transaction
from app.foundation.history import Event
from app.foundation.pages import Page, page_of
from app.foundation.permissions import declare
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Capacity, Tenanted, Viewer, acting_for_all, one, viewer_organisation
from app.foundation.text import N_
from app.members import keys
from app.members.model import Member, Membership
from app.members.roles import permissions_of
from app.parties.model import Organisation

MANAGE = declare("api-key:manage", N_("Make API keys, see the organisation's keys and revoke them"))

MADE = history.declare(
    Event(
        "api_key_made",
        N_("API key %(prefix)s (%(name)s) made for %(member)s"),
        fields=frozenset({"prefix", "name", "member", "permissions", "expires"}),
        icon="password",
    )
)
REVOKED = history.declare(
    Event(
        "api_key_revoked",
        N_("API key %(prefix)s (%(name)s) of %(member)s revoked"),
        fields=frozenset({"prefix", "name", "member"}),
        icon="close",
    )
)

#: What a key may be given, in each capacity: what the API's routes ask for. A test holds the two together.
OFFERED: dict[Capacity, tuple[str, ...]] = {
    "partner": (
        "product:view",
        "product:edit",
        "testing:run",
        "engagement:view",
        "engagement:decide",
        "engagement:complete",
        "billing-entry:view",
        "billing-entry:view-with-all-three",
        "billing-entry:submit",
        "correction:request",
        "correction:decide",
        "csp-billing:view",
        "csp-statement:issue",
        "inbox:view",
        "member:view",
        "csp-customer:view",
        "csp-customer:manage",
        "csp-account:manage",
        "csp-discovery:run",
    ),
    "customer": (
        "catalog:view",
        "engagement:view-own",
        "engagement:request",
        "engagement:steer",
        "charge:view-own",
        "cloud:view-own",
        "inbox:view",
        "member:view",
    ),
}
#: How long a key may be good for, in days.
LONGEST_DAYS = 3650

PREFIX = "ppk_"
_LETTERS = string.ascii_letters + string.digits
PURPOSE = "api key"


class ApiKey(Row, Tenanted, Base):
    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_api_key_organisation", "organisation_id", "capacity", "created_at", "id"),
    )

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: partner or customer
    capacity: Mapped[str] = mapped_column(String(10))
    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: the membership it was made under; gone when the member has left, and a later one has another id
    membership_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: what it is for, in its maker's words
    name: Mapped[str] = mapped_column(String(80))
    #: its first characters, shown in lists
    prefix: Mapped[str] = mapped_column(String(20))
    #: keyed fingerprint of the whole key
    digest: Mapped[str] = mapped_column(String(64))
    #: what it may do at most
    permissions: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: refused from this instant on; None: never by itself
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_by_name: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The organisation's own, in the capacity acted in."""
        if capacity == "partner":
            return and_(cls.organisation_id == viewer_organisation(), cls.capacity == "partner")
        if capacity == "customer":
            return and_(cls.organisation_id == viewer_organisation(), cls.capacity == "customer")
        return false()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "organisation", self.organisation_id

    def history_parties(self) -> dict[str, Any]:
        return {{"partner": "partner_id", "customer": "customer_id"}[self.capacity]: self.organisation_id}


def offered_to(*, by: Viewer) -> list[str]:
    """What this member can give a key of theirs, in the order of the table."""
    return [name for name in OFFERED.get(by.capacity, ()) if by.may(name)]


def make(name: str, permissions: Iterable[str], *, expires_in_days: int | None, by: Viewer) -> tuple[ApiKey, str]:
    """A key of the viewer's own. Returns the row and the key, which nobody can read again."""
    by.must(MANAGE)
    wanted = set(permissions)
    chosen = [permission for permission in offered_to(by=by) if permission in wanted]
    if not chosen or len(chosen) != len(wanted):
        raise Refused("permissions", N_("Choose at least one of what you may do yourself."))
    assert by.member_id is not None and by.organisation_id is not None, "a member makes a key"
    with transaction():
        return _make(name, by.member_id, by.organisation_id, by.capacity, chosen, expires_in_days, by)


def make_for(
    email: str, *, organisation: str | None, capacity: str | None, expires_in_days: int | None, by: Viewer
) -> tuple[ApiKey, str]:
    """A key for a member, with all that member may do by API; for the command line. Refuses where it is not clear for whom."""
    found = (
        select(Membership, Organisation.name)
        .join(Member, Member.id == Membership.member_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Member.email == email.strip().lower(), Member.active, Membership.capacity.in_(tuple(OFFERED)))
        .order_by(Membership.created_at, Membership.id)
    )
    if organisation:
        found = found.where(Organisation.name == organisation)
    if capacity:
        found = found.where(Membership.capacity == capacity)
    with transaction(), acting_for_all("a key is made on the command line"):
        memberships = db.session.execute(found.limit(2)).all()
        if not memberships:
            raise Refused("member", N_("Nobody of this e-mail acts for such a partner or customer."))
        if len(memberships) > 1:
            raise Refused("member", N_("This member acts for several: name the organisation and the capacity."))
        mine = memberships[0][0]
        granted = permissions_of(frozenset(mine.roles), cast(Capacity, mine.capacity))
        chosen = [permission for permission in OFFERED[cast(Capacity, mine.capacity)] if permission in granted]
        return _make(
            N_("Made on the command line"), mine.member_id, mine.organisation_id, mine.capacity, chosen,
            expires_in_days, by,
        )  # fmt: skip


def revoke(key_id: uuid.UUID, *, by: Viewer) -> ApiKey:
    """The key counts no more, from its next use on. AlreadyDone for one that was revoked."""
    by.must(MANAGE)
    with transaction():
        key = one(ApiKey, key_id, lock=True)
        if key.revoked_at is not None:
            raise AlreadyDone("revoked", "revoke")
        key.revoked_at, key.revoked_by_name = clock.now(), by.member_name
        history.record(key, REVOKED, by=by, prefix=key.prefix, name=key.name, member=_name_of(key.member_id))
    return key


def keys_here(*, after: str | None = None, before: str | None = None) -> Page:
    """The organisation's keys, newest first: the columns of ApiKey, member_name, and `stands`: whether the membership does."""
    found = (
        select(
            ApiKey.id, ApiKey.created_at, ApiKey.name, ApiKey.prefix, ApiKey.permissions, ApiKey.expires_at,
            ApiKey.last_used_at, ApiKey.revoked_at, ApiKey.revoked_by_name, Member.name.label("member_name"),
            and_(Membership.id.is_not(None), Member.active).label("stands"),
        )
        .outerjoin(Member, Member.id == ApiKey.member_id)
        .outerjoin(Membership, Membership.id == ApiKey.membership_id)
    )  # fmt: skip
    return page_of(found, [ApiKey.created_at, ApiKey.id], after=after, before=before)


def key_here(key_id: uuid.UUID) -> ApiKey:
    """One of the organisation's keys, or NotVisible."""
    return one(ApiKey, key_id)


def _make(
    name: str, member_id: uuid.UUID, organisation_id: uuid.UUID, capacity: str, permissions: list[str],
    expires_in_days: int | None, by: Viewer,
) -> tuple[ApiKey, str]:  # fmt: skip
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Refused("name", N_("Say in at most 80 characters what the key is for."))
    if expires_in_days is not None and not 1 <= expires_in_days <= LONGEST_DAYS:
        raise Refused("expires", N_("A key is good for 1 to %(most)s days."), most=LONGEST_DAYS)
    prefix = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(8))
    whole = f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(40))
    now = clock.now()
    key = ApiKey(
        organisation_id=organisation_id,
        capacity=capacity,
        member_id=member_id,
        membership_id=_membership(member_id, organisation_id, capacity),
        name=name,
        prefix=prefix,
        digest=keys.fingerprint(PURPOSE, whole),
        permissions=permissions,
        created_at=now,
        expires_at=None if expires_in_days is None else now + timedelta(days=expires_in_days),
    )
    db.session.add(key)
    db.session.flush()
    until = "" if key.expires_at is None else key.expires_at.isoformat()
    allowed, member = ", ".join(permissions), _name_of(member_id)
    history.record(key, MADE, by=by, prefix=prefix, name=name, permissions=allowed, expires=until, member=member)
    return key, whole


def _membership(member_id: uuid.UUID, organisation_id: uuid.UUID, capacity: str) -> uuid.UUID:
    with acting_for_all("the membership a key is bound to"):
        found = db.session.scalar(
            select(Membership.id).where(
                Membership.member_id == member_id,
                Membership.organisation_id == organisation_id,
                Membership.capacity == capacity,
            )
        )
    if found is None:
        raise NotVisible
    return found


def _name_of(member_id: uuid.UUID) -> str:
    with acting_for_all("a key's member may have left"):
        return db.session.scalar(select(Member.name).where(Member.id == member_id)) or ""
