"""Relations: which partner works for which customer. They begin by themselves with a first request, or by the operator's hand.

One that has ended is kept, as are the names at its ends: past engagements name both. The next request begins another.
"""

import uuid

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, acting_for_all, current, one
from app.foundation.text import N_
from app.parties.actions import MANAGE
from app.parties.holding import held
from app.parties.model import Organisation, PartnerCustomer

_OTHER = frozenset({"other"})
CUSTOMER_GAINED = history.declare(
    Event("customer_gained", N_("Works for %(other)s, a customer"), fields=_OTHER, icon="partnership")
)
PARTNER_GAINED = history.declare(
    Event("partner_gained", N_("Works with %(other)s, a partner"), fields=_OTHER, icon="partnership")
)
CUSTOMER_LEFT = history.declare(
    Event("customer_left", N_("No longer works for %(other)s"), fields=_OTHER, icon="subtract")
)
PARTNER_LEFT = history.declare(
    Event("partner_left", N_("No longer works with %(other)s"), fields=_OTHER, icon="subtract")
)


def relate(partner_id: uuid.UUID, customer_id: uuid.UUID, *, by: Viewer | None = None) -> PartnerCustomer:
    """The partner works for the customer from now on. Safe to say again. Refuses an end that does no business here.

    Both organisations are held until the transaction ends: neither goes, nor is the relation ended, meanwhile.
    """
    by = by or current()
    with transaction() as session, acting_for_all("a relation is seen by both its ends"):
        partner, customer = held(partner_id, acting="partner"), held(customer_id, acting="customer")
        known = _standing(partner_id, customer_id)
        if known is not None:
            return known
        relation = PartnerCustomer(partner_id=partner_id, customer_id=customer_id, since=clock.now())
        try:
            with session.begin_nested():
                session.add(relation)
        except IntegrityError:  # a colleague's first request in the same moment
            meanwhile = _standing(partner_id, customer_id)
            assert meanwhile is not None
            return meanwhile
        _tell_both(partner, CUSTOMER_GAINED, customer, PARTNER_GAINED, by)
    return relation


def add_relation(partner_id: uuid.UUID, customer_id: uuid.UUID, *, by: Viewer) -> PartnerCustomer:
    """By the operator's hand. Refuses one that stands already, and an organisation that would be its own customer."""
    by.must(MANAGE)
    if partner_id == customer_id:
        raise Refused("other", N_("An organisation is not its own customer."))
    with transaction():
        for organisation_id, capacity in ((partner_id, "partner"), (customer_id, "customer")):
            if not (end := one(Organisation, organisation_id)).acts_as(capacity):
                raise Refused("other", N_("%(name)s does not act in this capacity."), name=end.name)
        if _standing(partner_id, customer_id) is not None:
            raise Refused("other", N_("These two work together already."))
        return relate(partner_id, customer_id, by=by)


def end_relation(relation_id: uuid.UUID, *, by: Viewer) -> PartnerCustomer:
    """It ends now. AlreadyDone when it had. Whether it may end is asked before (engagements.farewells)."""
    by.must(MANAGE)
    with transaction():
        relation = one(PartnerCustomer, relation_id, lock=True)
        if relation.ended_at is not None:
            raise AlreadyDone("ended", "end")
        relation.ended_at = clock.now()
        partner, customer = one(Organisation, relation.partner_id), one(Organisation, relation.customer_id)
        _tell_both(partner, CUSTOMER_LEFT, customer, PARTNER_LEFT, by)
    return relation


def _standing(partner_id: uuid.UUID, customer_id: uuid.UUID) -> PartnerCustomer | None:
    return db.session.scalar(
        select(PartnerCustomer)
        .where(
            PartnerCustomer.partner_id == partner_id,
            PartnerCustomer.customer_id == customer_id,
            PartnerCustomer.ended_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _tell_both(partner: Organisation, to_partner: str, customer: Organisation, to_customer: str, by: Viewer) -> None:
    """On both chains, always in the same order, so that two transactions never wait for each other."""
    told = [(partner, to_partner, customer.name), (customer, to_customer, partner.name)]
    for organisation, event, other in sorted(told, key=lambda one: one[0].id):
        history.record(organisation, event, by=by, other=other)
