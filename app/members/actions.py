"""What is done with members: taken in, given roles, let go; and what they change about themselves."""

import uuid
from collections.abc import Iterable
from typing import cast
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history, outbox
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.permissions import declare
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Capacity, Viewer, acting_for_all, one, system
from app.foundation.text import N_
from app.members import passwords, rules, sign_ins
from app.members.model import Member, Membership
from app.members.roles import ROLES
from app.parties.actions import add_organisation
from app.parties.model import Organisation

VIEW = declare("member:view", N_("See the organisation's members, their roles and last sign-ins"))
MANAGE = declare("member:manage", N_("Add members, change their roles, remove them from the organisation"))
VIEW_ALL = declare("member:view-all", N_("See the members of every organisation"))

MEMBER_ADDED = history.declare(
    Event("member_added", N_("Account made for %(name)s"), fields=frozenset({"name"}), icon="add")
)
RENAMED = history.declare(
    Event(
        "member_renamed",
        N_("Name changed from %(before)s to %(after)s"),
        fields=frozenset({"before", "after"}),
        icon="edit",
    )
)
JOINED = history.declare(
    Event(
        "member_joined",
        N_("%(member)s joined as %(capacity)s, with the roles: %(roles)s"),
        fields=frozenset({"member", "capacity", "roles"}),
        icon="add",
    )
)
ROLES_CHANGED = history.declare(
    Event(
        "member_roles_changed",
        N_("Roles of %(member)s changed from: %(before)s to: %(after)s"),
        fields=frozenset({"member", "before", "after"}),
        icon="edit",
    )
)
LEFT = history.declare(
    Event(
        "member_left", N_("%(member)s was removed from the organisation"), fields=frozenset({"member"}), icon="subtract"
    )
)


def add_member(name: str, email: str, *, password: str | None = None, zone: str = "UTC", by: Viewer) -> Member:
    """A new account; without a password it waits for one to be set by a mailed link. Refuses an e-mail that has one."""
    by.must(MANAGE)
    name, email = _checked_name(name), rules.normal_email(email)
    _check_zone(zone)
    if password is not None:
        rules.check_password(password, email=email, name=name)
    return _add(name, email, passwords.hash_password(password) if password is not None else None, zone, by)


def join(
    member: Member, organisation: Organisation, capacity: Capacity, roles: Iterable[str], *, by: Viewer
) -> Membership:
    """The member acts for the organisation from now on. Refuses a second membership in the same capacity.

    The operator may do this for every organisation, an organisation's admin for the own one, in the capacity acted in.
    """
    by.must(MANAGE)
    if by.capacity not in ("system", "operator") and (by.organisation_id, by.capacity) != (organisation.id, capacity):
        raise NotVisible
    if not {
        "operator": organisation.is_operator,
        "partner": organisation.is_partner,
        "customer": organisation.is_customer,
    }.get(capacity):
        raise Refused("capacity", N_("%(name)s does not act in this capacity."), name=organisation.name)
    fitting = rules.check_roles(roles, capacity)
    with transaction() as session, acting_for_all("a membership is checked before it is the viewer's"):
        known = select(Membership.id).where(
            Membership.member_id == member.id,
            Membership.organisation_id == organisation.id,
            Membership.capacity == capacity,
        )
        if session.scalar(known):
            raise Refused("email", N_("%(name)s is a member here already."), name=member.name)
        membership = Membership(
            member_id=member.id,
            organisation_id=organisation.id,
            capacity=capacity,
            roles=fitting,
            created_at=clock.now(),
        )
        try:
            with session.begin_nested():
                session.add(membership)
        except IntegrityError as meanwhile:  # another admin, in the same moment
            raise Refused("email", N_("%(name)s is a member here already."), name=member.name) from meanwhile
        history.record(membership, JOINED, by=by, member=member.name, capacity=capacity, roles=", ".join(fitting))
    return membership


def take_in(
    name: str,
    email: str,
    roles: Iterable[str],
    *,
    by: Viewer,
    organisation_id: uuid.UUID | None = None,
    capacity: Capacity | None = None,
) -> Membership:
    """Add a member to the viewer's organisation by e-mail. Whoever has an account keeps its name; who has none is mailed a link.

    `organisation_id` and `capacity`: another one than the viewer acts for, which join() lets the operator do.
    """
    by.must(MANAGE)
    email = rules.normal_email(email)
    with transaction(), acting_for_all("whether there is an account of this e-mail"):
        member = db.session.scalar(select(Member).where(Member.email == email))
        organisation = one(Organisation, cast(uuid.UUID, organisation_id or by.organisation_id))
        if member is None:
            member = add_member(name, email, zone=organisation.zone, by=by)
        membership = join(member, organisation, capacity or by.capacity, roles, by=by)
        if member.password is None:
            sign_ins.post_link(member, "set_password", lasts=sign_ins.FIRST_LINK_FOR, organisation=organisation.name)
        else:
            told = outbox.Notice(
                "member",
                str(member.id),
                "joined_organisation",
                {"name": member.name, "organisation": organisation.name},
            )
            outbox.post(told, subject_kind="member", subject_id=member.id)
    return membership


def change_roles(membership_id: uuid.UUID, roles: Iterable[str], *, by: Viewer) -> Membership:
    """Give a member of the viewer's organisation exactly these roles. Refuses to leave it without an admin."""
    by.must(MANAGE)
    fitting = rules.check_roles(roles, by.capacity)
    with transaction():
        membership, member = _lock_here(membership_id, by, roles_after=fitting)
        if fitting != membership.roles:
            before = ", ".join(membership.roles)
            membership.roles = fitting
            history.record(
                membership, ROLES_CHANGED, by=by, member=member.name, before=before, after=", ".join(fitting)
            )
    return membership


def remove_from_organisation(membership_id: uuid.UUID, *, by: Viewer) -> Membership:
    """End a membership of the viewer's organisation; the account stays. Refuses to leave it without an admin."""
    by.must(MANAGE)
    with transaction() as session:
        membership, member = _lock_here(membership_id, by, roles_after=[])
        history.record(membership, LEFT, by=by, member=member.name)
        session.delete(membership)
        session.flush()
    return membership


def change_profile(name: str, zone: str, *, by: Viewer) -> Member:
    """One's own name and the zone in which instants are shown."""
    name = _checked_name(name)
    _check_zone(zone)
    with transaction(), acting_for_all("a member's own profile"):
        member = one(Member, cast(uuid.UUID, by.member_id), lock=True)
        before, member.name, member.zone = member.name, name, zone
        if name != before:
            history.record(member, RENAMED, by=by, before=before, after=name)
    return member


def start_installation(organisation_name: str, name: str, email: str, *, password: str | None = None) -> Member:
    """The operator's organisation and its first member, who holds every operator role. Refuses where there is one already."""
    by = system("start an installation")
    with transaction() as session, acting_for_all("start an installation"):
        standing = session.scalar(select(Organisation.name).where(Organisation.is_operator))
        if standing:
            raise Refused("organisation", N_("%(name)s runs this installation already."), name=standing)
        organisation = add_organisation(organisation_name, operator=True, by=by)
        member = add_member(name, email, password=password, by=by)
        join(
            member, organisation, "operator", [key for key, role in ROLES.items() if role.capacity == "operator"], by=by
        )
    return member


def _add(name: str, email: str, hashed: str | None, zone: str, by: Viewer) -> Member:
    with transaction() as session, acting_for_all("an e-mail is one account, whoever sees it"):
        if session.scalar(select(Member.id).where(Member.email == email)):
            raise Refused("email", N_("There is an account of this e-mail already."))
        member = Member(name=name, email=email, password=hashed, zone=zone, created_at=clock.now())
        try:
            with session.begin_nested():
                session.add(member)
        except IntegrityError as meanwhile:  # another organisation takes the same person in, in the same moment
            raise Refused("email", N_("There is an account of this e-mail already.")) from meanwhile
        history.record(member, MEMBER_ADDED, by=by, name=name)
    return member


def _lock_here(membership_id: uuid.UUID, by: Viewer, *, roles_after: list[str]) -> tuple[Membership, Member]:
    """The membership of the viewer's organisation, with all others there locked, so that two admins cannot remove each other."""
    here = (
        select(Membership, Member)
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == by.organisation_id, Membership.capacity == by.capacity)
        .order_by(Membership.id)
        .with_for_update(of=Membership)
        .execution_options(populate_existing=True)
    )
    rows = {membership.id: (membership, member) for membership, member in db.session.execute(here)}
    if membership_id not in rows:
        raise NotVisible
    admin = rules.ADMIN_ROLE[by.capacity]
    holders = {row_id for row_id, (membership, member) in rows.items() if member.active and admin in membership.roles}
    rules.check_admin_left(
        len(holders), len(holders - {membership_id} | ({membership_id} if admin in roles_after else set()))
    )
    return rows[membership_id]


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused("name", N_("Enter the member's name."))
    if len(name) > 200 or not name.isprintable():
        raise Refused("name", N_("A name has at most 200 characters and no control characters."))
    return name


def _check_zone(zone: str) -> None:
    if zone not in available_timezones():
        raise Refused("zone", N_("There is no time zone of this name. Choose one from the list."))
