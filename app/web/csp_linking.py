"""Linking a CSP customer to an organisation that does not stand yet: it is founded, and its first admin is invited by mail, anew
while nobody has come.

Rooms meet here: reselling knows nothing of members, and members nothing of reselling.
"""

import uuid
from typing import Any

from app.csp.customers.links import check_free, link
from app.csp.customers.model import CspCustomer
from app.csp.permissions import MANAGE_CUSTOMERS
from app.foundation.database import transaction
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.members import rules
from app.members.actions import checked_name
from app.members.directory import members_of
from app.members.first_admins import Awaited, awaited, invite_anew
from app.members.invitations import invite_first_admin
from app.members.model import Invitation
from app.parties.actions import found_customer


def link_to_new(customer_id: uuid.UUID, *, organisation: str, admin_name: str, email: str, by: Viewer) -> CspCustomer:
    """The organisation, its first admin's invitation, the relation and the link: all or nothing.

    Refuses a customer that is linked, a name that stands, and an e-mail of one's own people. Whether an e-mail has an account
    elsewhere nobody learns: it is invited like any other, and accepting joins.
    """
    by.must(MANAGE_CUSTOMERS)
    admin_name, email = _named(admin_name), rules.normal_email(email)
    with transaction():
        customer = one(CspCustomer, customer_id, lock=True)
        check_free(customer)
        _check_not_ours(email, by)
        founded = found_customer(organisation, by=by, field="name")
        invite_first_admin(founded, email, name=admin_name, by=by)
        return link(customer, founded.id, by=by)


def awaited_at(customer: Any, *, by: Viewer) -> Awaited | None:
    """The first admin's invitation of the organisation that a customer is linked to, while nobody has come; `customer`: its row."""
    linked = customer.linked_organisation_id
    return None if linked is None else awaited(linked, by=by)


def invite_admin_anew(customer_id: uuid.UUID, *, email: str, by: Viewer) -> Invitation:
    """To the same address or a better one. NotVisible where nobody is awaited."""
    by.must(MANAGE_CUSTOMERS)
    email = rules.normal_email(email)
    with transaction():
        customer = one(CspCustomer, customer_id, lock=True)
        if customer.linked_organisation_id is None:
            raise NotVisible
        _check_not_ours(email, by)
        return invite_anew(customer.linked_organisation_id, email, by=by)


def _check_not_ours(email: str, by: Viewer) -> None:
    if by.organisation_id and any(row.email == email for row in members_of(by.organisation_id)):
        raise Refused(
            "email",
            N_("%(email)s is taken by a member of your own organisation. Name somebody of the customer's."),
            email=email,
        )


def _named(admin_name: str) -> str:
    try:
        return checked_name(admin_name)
    except Refused as no:
        raise Refused("admin_name", no.sentence, **no.facts) from no
