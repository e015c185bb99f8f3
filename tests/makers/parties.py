"""Organisations, their members, and viewers who act for them."""

import uuid
from collections.abc import Iterable

from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import Capacity, Viewer, acting_for_all
from app.members.actions import join
from app.members.model import Member, Membership
from app.members.roles import ROLES, permissions_of
from app.parties.actions import add_organisation
from app.parties.model import Organisation


def make_organisation(
    name: str = "Northbridge", *, partner: bool = False, customer: bool = False, operator: bool = False
) -> Organisation:
    """A new organisation; a partner if nothing is said."""
    partner = partner or not (customer or operator)
    with acting_for_all("a test's organisation") as viewer:
        return add_organisation(name, by=viewer, partner=partner, customer=customer, operator=operator)


def the_operator() -> Organisation:
    """The installation's operator, made if there is none yet."""
    with acting_for_all("a test's operator"):
        found = db.session.scalar(select(Organisation).where(Organisation.is_operator))
    return found or make_organisation("Operator", operator=True)


def make_member(
    organisation: Organisation,
    email: str,
    *,
    capacity: Capacity = "partner",
    roles: Iterable[str] | None = None,
    name: str = "",
    active: bool = True,
) -> Member:
    """A member with these roles (None: every role of the capacity). Has no password: sign-in tests set their own."""
    kept = list(_every_role(capacity) if roles is None else roles)
    with acting_for_all("a test's member"), transaction() as session:
        member = Member(
            name=name or email.partition("@")[0].title(), email=email, active=active, created_at=clock.now()
        )
        session.add(member)
        session.flush()
        session.add(
            Membership(
                member_id=member.id,
                organisation_id=organisation.id,
                capacity=capacity,
                roles=kept,
                created_at=clock.now(),
            )
        )
    return member


def make_membership(
    member: Member, organisation: Organisation, capacity: Capacity, roles: Iterable[str] = ()
) -> Membership:
    """Somebody who has an account acts for this organisation too, as if an invitation had been accepted."""
    with acting_for_all("a test's membership") as system:
        return join(member, organisation, capacity, roles, by=system)


def as_partner(organisation: Organisation, *roles: str, member: Member | None = None) -> Viewer:
    """Ada: acts for the partner with these roles; none named: with every role."""
    return _viewer("partner", organisation, roles, member)


def as_customer(organisation: Organisation, *roles: str, member: Member | None = None) -> Viewer:
    """Dot: acts for the customer."""
    return _viewer("customer", organisation, roles, member)


def as_operator(organisation: Organisation | None = None, *roles: str, member: Member | None = None) -> Viewer:
    """Olga: acts for the operator."""
    return _viewer("operator", organisation or the_operator(), roles, member)


def _viewer(capacity: Capacity, organisation: Organisation, roles: Iterable[str], member: Member | None) -> Viewer:
    held = frozenset(roles) or _every_role(capacity)
    return Viewer(
        capacity,
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        # the same person each time, so that "never what they submitted themselves" can be tested
        member_id=member.id if member else uuid.uuid5(organisation.id, capacity),
        member_name=member.name if member else f"{capacity.title()} of {organisation.name}",
        permissions=permissions_of(held, capacity),
    )


def _every_role(capacity: Capacity) -> frozenset[str]:
    return frozenset(key for key, role in ROLES.items() if role.capacity == capacity)
