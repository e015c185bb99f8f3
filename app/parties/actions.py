"""What is done with organisations and relations."""

import uuid
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.permissions import declare
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_
from app.parties.model import Organisation, PartnerCustomer

MANAGE = declare("organisation:manage", N_("Add organisations and change what they are"))
VIEW = declare("organisation:view", N_("See every organisation and its members"))

ORGANISATION_ADDED = history.declare(
    Event("organisation_added", N_("Organisation %(name)s added"), fields=frozenset({"name"}), icon="add")
)


def add_organisation(
    name: str, *, by: Viewer, partner: bool = False, customer: bool = False, operator: bool = False, zone: str = "UTC"
) -> Organisation:
    """A new organisation, in at least one capacity. Refuses a name that stands already."""
    by.must(MANAGE)
    name = " ".join(name.split())
    if not name:
        raise Refused("name", N_("Enter the organisation's name."))
    if not (partner or customer or operator):
        raise Refused("capacities", N_("Choose at least one: partner or customer."))
    with transaction() as session:
        if session.scalar(select(Organisation.id).where(Organisation.name == name)):
            raise Refused("name", N_("There is an organisation of this name already."))
        organisation = Organisation(
            name=name, is_partner=partner, is_customer=customer, is_operator=operator, zone=zone, created_at=clock.now()
        )
        session.add(organisation)
        session.flush()
        history.record(organisation, ORGANISATION_ADDED, by=by, name=name)
    return organisation


def relate(partner_id: uuid.UUID, customer_id: uuid.UUID) -> None:
    """Note that the partner works for the customer. Safe to say again."""
    with transaction() as session, acting_for_all("a relation is seen by both its ends"):
        known = select(PartnerCustomer.id).where(
            PartnerCustomer.partner_id == partner_id, PartnerCustomer.customer_id == customer_id
        )
        if session.scalar(known) is None:
            with suppress(IntegrityError), session.begin_nested():  # a colleague's first request in the same moment
                session.add(PartnerCustomer(partner_id=partner_id, customer_id=customer_id, since=clock.now()))


def operator() -> Organisation:
    """The one organisation that runs this installation."""
    return db.session.scalars(select(Organisation).where(Organisation.is_operator)).one()
