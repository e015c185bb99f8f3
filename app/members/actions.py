"""What is done with members: given roles, let go; and what they change about themselves. Joining begins in invitations.py."""

import uuid
from collections.abc import Iterable
from typing import cast
from zoneinfo import available_timezones

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.permissions import declare
from app.foundation.refusals import MissingRole, NotVisible, Refused
from app.foundation.tenancy import Capacity, Viewer, acting_for_all, one, system
from app.foundation.text import N_
from app.members import passwords, rules, states
from app.members.model import Invitation, Member, Membership
from app.members.roles import ROLES
from app.parties.actions import add_organisation
from app.parties.model import Organisation

VIEW = declare("member:view", N_("See the organisation's members, their roles and last sign-ins"))
MANAGE = declare("member:manage", N_("Invite members, change their roles, remove them from the organisation"))
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
ZONE_CHANGED = history.declare(
    Event(
        "member_zone_changed",
        N_("Time zone changed from %(before)s to %(after)s"),
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
    name, email = checked_name(name), rules.normal_email(email)
    check_zone(zone)
    if password is not None:
        rules.check_password(password, email=email, name=name)
    return add_account(
        name, email, passwords.hash_password(password) if password is not None else None, zone=zone, by=by
    )


def join(
    member: Member, organisation: Organisation, capacity: Capacity, roles: Iterable[str], *, by: Viewer
) -> Membership:
    """The member acts for the organisation from now on, unasked: an installation's first member, and the demo.

    The system only: everybody else is invited, and joins by accepting. Refuses a second membership in the same capacity.
    """
    if by.capacity != "system":
        raise MissingRole(MANAGE)
    return admit(member, organisation, capacity, roles, by=by)


def admit(
    member: Member, organisation: Organisation, capacity: Capacity, roles: Iterable[str], *, by: Viewer
) -> Membership:
    """Make the membership, inside the transaction of whoever has the member's consent. Refuses a second one in the capacity."""
    if not organisation.acts_as(capacity):
        raise Refused("capacity", N_("%(name)s does not act in this capacity."), name=organisation.name)
    fitting = rules.check_roles(roles, capacity)
    with transaction() as session, acting_for_all("a membership is checked before it is the viewer's"):
        if is_member(member.email, organisation.id, capacity):
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
        except IntegrityError as meanwhile:  # in another tab, in the same moment
            raise Refused("email", N_("%(name)s is a member here already."), name=member.name) from meanwhile
        history.record(membership, JOINED, by=by, member=member.name, capacity=capacity, roles=", ".join(fitting))
    return membership


def is_member(email: str, organisation_id: uuid.UUID, capacity: Capacity) -> bool:
    """Whether this e-mail acts for the organisation in this capacity; asked as the system, by who manages its members."""
    known = (
        select(Membership.id)
        .join(Member, Member.id == Membership.member_id)
        .where(Member.email == email, Membership.organisation_id == organisation_id, Membership.capacity == capacity)
    )
    return db.session.scalar(known) is not None


def change_roles(membership_id: uuid.UUID, roles: Iterable[str], *, by: Viewer) -> Membership:
    """Give a member of the viewer's organisation exactly these roles. Refuses to leave it without an admin."""
    by.must(MANAGE)
    fitting = rules.check_roles(roles, by.capacity)
    with transaction():
        membership, member = _lock_here(membership_id, by, roles_after=fitting)
        if fitting != membership.roles:
            before = ", ".join(membership.roles)
            was_admin = rules.ADMIN_ROLE[by.capacity] in membership.roles
            membership.roles = fitting
            history.record(
                membership, ROLES_CHANGED, by=by, member=member.name, before=before, after=", ".join(fitting)
            )
            if was_admin and rules.ADMIN_ROLE[by.capacity] not in fitting:
                _withdraw_invitations(member, by)
    return membership


def remove_from_organisation(membership_id: uuid.UUID, *, by: Viewer) -> Membership:
    """End a membership of the viewer's organisation; the account stays. Refuses to leave it without an admin."""
    by.must(MANAGE)
    with transaction() as session:
        membership, member = _lock_here(membership_id, by, roles_after=[])
        history.record(membership, LEFT, by=by, member=member.name)
        _withdraw_invitations(member, by)
        session.delete(membership)
        session.flush()
    return membership


def change_profile(name: str, zone: str, *, by: Viewer) -> Member:
    """One's own name and the zone in which instants are shown."""
    name = checked_name(name)
    check_zone(zone)
    with transaction(), acting_for_all("a member's own profile"):
        member = one(Member, cast(uuid.UUID, by.member_id), lock=True)
        before, member.name = member.name, name
        if name != before:
            history.record(member, RENAMED, by=by, before=before, after=name)
        zone_before, member.zone = member.zone, zone
        if zone != zone_before:
            history.record(member, ZONE_CHANGED, by=by, before=zone_before, after=zone)
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


def add_account(name: str, email: str, hashed: str | None, *, zone: str, by: Viewer) -> Member:
    """The account's row, inside the transaction of whoever knows that it may be made."""
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


def _withdraw_invitations(member: Member, by: Viewer) -> None:
    """Whoever is no admin any more lets nobody in: no colleague, and not themselves, under this address or another one.

    An operator's admin may have invited for any organisation, everybody else for their own in this capacity.
    """
    here = and_(Invitation.organisation_id == by.organisation_id, Invitation.capacity == by.capacity)
    theirs = Invitation.invited_by_id == member.id
    by_or_to_them = or_(
        theirs if by.capacity == "operator" else and_(here, theirs), and_(here, Invitation.email == member.email)
    )
    asked = select(Invitation).where(Invitation.state == states.OPEN, by_or_to_them).order_by(Invitation.id)
    for invitation in db.session.scalars(asked.with_for_update()).all():
        change_state(invitation, states.WITHDRAW, by=by, email=invitation.email)


def checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused("name", N_("Enter the member's name."))
    if len(name) > 200 or not name.isprintable():
        raise Refused("name", N_("A name has at most 200 characters and no control characters."))
    return name


def check_zone(zone: str) -> None:
    if zone not in available_timezones():
        raise Refused("zone", N_("There is no time zone of this name. Choose one from the list."))
