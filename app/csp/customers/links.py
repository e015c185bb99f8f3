"""Links: a CSP customer and the organisation of the portal whose people see its statements.

The relation between partner and customer begins with the link. It outlives it, as relations do.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from app.csp.customers import events, terms
from app.csp.customers.model import CspCustomer
from app.csp.customers.monitoring import has_monitored
from app.csp.permissions import MANAGE_CUSTOMERS
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.parties.model import Organisation, PartnerCustomer
from app.parties.relations import relate

#: offered to choose from; who has more types the name's beginning into the browser's own list
MOST_CHOICES = 500


def organisations_to_link(limit: int = MOST_CHOICES) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, name) of the organisations this partner works for, by name."""
    return db.session.execute(_own_customers().order_by(Organisation.name).limit(limit)).all()


def check_free(customer: CspCustomer, *, field: str = "organisation") -> None:
    if customer.linked_organisation_id is not None:
        linked = one(Organisation, customer.linked_organisation_id)
        raise Refused(field, N_("This customer is linked to %(name)s already. End that link first."), name=linked.name)


def link_customer(customer_id: uuid.UUID, organisation_id: uuid.UUID, *, by: Viewer) -> CspCustomer:
    """Its people see the statements from now on. Refuses one that is linked already, and an organisation this partner does not
    work for: nobody learns of other partners' customers."""
    by.must(MANAGE_CUSTOMERS)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        check_free(customer)
        if session.execute(_own_customers().where(Organisation.id == organisation_id)).first() is None:
            raise Refused("organisation", N_("Choose an organisation from the list."))
        return link(customer, organisation_id, by=by)


def link(customer: CspCustomer, organisation_id: uuid.UUID, *, by: Viewer) -> CspCustomer:
    """The link itself, of a customer that is locked and free. Whether this organisation may be it is asked before."""
    relate(customer.partner_id, organisation_id, by=by)
    customer.linked_organisation_id, customer.linked_at = organisation_id, clock.now()
    _tell(customer, events.LINKED, organisation_id, by)
    return customer


def unlink_customer(customer_id: uuid.UUID, *, by: Viewer) -> CspCustomer:
    """Nothing more is issued to its people. What was issued stays theirs, and the relation stays."""
    by.must(MANAGE_CUSTOMERS)
    with transaction():
        customer = one(CspCustomer, customer_id, lock=True)
        if customer.linked_organisation_id is None:
            raise AlreadyDone("not_linked", "unlink")
        organisation_id, customer.linked_organisation_id, customer.linked_at = (
            customer.linked_organisation_id,
            None,
            None,
        )
        _tell(customer, events.UNLINKED, organisation_id, by)
    return customer


def _own_customers() -> Any:
    """Looked for as the partner itself: its own standing relations, and organisations that do business here."""
    return (
        select(Organisation.id, Organisation.name)
        .join(PartnerCustomer, PartnerCustomer.customer_id == Organisation.id)
        .where(
            PartnerCustomer.ended_at.is_(None),
            PartnerCustomer.partner_id != PartnerCustomer.customer_id,
            Organisation.is_customer,
            Organisation.deactivated_at.is_(None),
        )
    )


def _tell(customer: CspCustomer, event: str, organisation_id: uuid.UUID, by: Viewer) -> None:
    customer.version += 1
    try:
        name = one(Organisation, organisation_id).name
    except NotVisible:  # a name that is not this partner's to read any more
        name = "—"
    history.record(customer, event, by=by, organisation=name)
    if has_monitored(customer.id):  # it is managed now, or no more
        terms.changed(customer.account_id, [customer.id])
