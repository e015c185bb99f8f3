"""Holding an organisation while business begins in its name: until the transaction ends it neither goes nor changes.

Whoever takes an organisation or one of its capacities away (engagements.farewells) locks the row alone and counts what runs,
so that one of the two comes first: what begins is found by the farewell, or the farewell is found here.
"""

import uuid

from sqlalchemy import select

from app.foundation.capacity import Capacity
from app.foundation.database import db
from app.foundation.refusals import NotVisible, Refused
from app.foundation.text import N_
from app.parties.model import Organisation


def held(organisation_id: uuid.UUID, *, acting: Capacity, field: str = "other") -> Organisation:
    """Shared with others who begin something, not with a change of the organisation itself; read afresh.

    Refuses on `field` one that is deactivated or does not act in this capacity.
    """
    organisation = db.session.scalar(
        select(Organisation)
        .where(Organisation.id == organisation_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if organisation is None:
        raise NotVisible
    if organisation.deactivated_at is not None:
        raise Refused(field, N_("%(name)s does no business here any more."), name=organisation.name)
    if not organisation.acts_as(acting):
        raise Refused(field, N_("%(name)s does not act in this capacity."), name=organisation.name)
    return organisation
