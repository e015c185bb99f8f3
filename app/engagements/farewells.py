"""Before a partner and a customer part, or an organisation goes: nothing between them may still be running.

Parties keeps organisations and relations and knows no engagement; here the question is asked and the answer acted on, in
one transaction. A request holds both its organisations and their relation (parties.relations.relate), so it comes before
the farewell, and is found, or after it, and is refused.
"""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.catalog.model import Product
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation.database import db, transaction
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.parties import actions as parties
from app.parties import relations
from app.parties.model import Organisation, PartnerCustomer

RUNNING = N_("%(count)s current engagements stand in the way. They end first.")
OFFERING = N_("%(count)s published services stand in the way. They are withdrawn first.")
#: nobody counts further to be told no
_MOST = 100


def end_relation(relation_id: uuid.UUID, *, by: Viewer) -> PartnerCustomer:
    """Refuses while an engagement between the two is current."""
    by.must(parties.MANAGE)
    with transaction():
        relation = one(PartnerCustomer, relation_id, lock=True)
        between = (Engagement.partner_id == relation.partner_id, Engagement.customer_id == relation.customer_id)
        _refuse_while(_current(*between), RUNNING, "relation")
        return relations.end_relation(relation_id, by=by)


def change_organisation(organisation_id: uuid.UUID, *, by: Viewer, **wanted: Any) -> Organisation:
    """parties.change_organisation; refuses to take a capacity away in which something still runs."""
    by.must(parties.MANAGE)
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        if organisation.is_partner and not wanted["partner"]:
            _refuse_while(_current(Engagement.partner_id == organisation.id), RUNNING, "capacities")
            _refuse_while(_published(organisation.id), OFFERING, "capacities")
        if organisation.is_customer and not wanted["customer"]:
            _refuse_while(_current(Engagement.customer_id == organisation.id), RUNNING, "capacities")
        return parties.change_organisation(organisation_id, by=by, **wanted)


def deactivate(organisation_id: uuid.UUID, *, reason: str, by: Viewer) -> Organisation:
    """Refuses while the organisation delivers, receives or offers anything."""
    by.must(parties.MANAGE)
    with transaction():
        organisation = one(Organisation, organisation_id, lock=True)
        either = or_(Engagement.partner_id == organisation.id, Engagement.customer_id == organisation.id)
        _refuse_while(_current(either), RUNNING, "reason")
        _refuse_while(_published(organisation.id), OFFERING, "reason")
        return parties.deactivate(organisation_id, reason=reason, by=by)


def _current(*which: ColumnElement[bool]) -> Any:
    return select(Engagement.id).where(Engagement.state.in_(states.CURRENT), *which)


def _published(partner_id: uuid.UUID) -> Any:
    return select(Product.id).where(Product.partner_id == partner_id, Product.state == "published")


def _refuse_while(running: Any, sentence: str, field: str) -> None:
    with acting_for_all("what still runs, test engagements included"):
        count = db.session.scalar(select(func.count()).select_from(running.limit(_MOST).subquery())) or 0
    if count:
        raise Refused(field, sentence, count=count)
