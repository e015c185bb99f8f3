"""What a load plays on: partners, customers, who works for whom, and what is sold. Read once, plain values.

What is missing is made as the demo makes it, through the rooms' own actions where there is one; what is there is used as it is.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from app.billing import events as billing_events
from app.commands.demo.catalog import stock
from app.commands.demo.listing import publish_shelf
from app.commands.demo.load import names
from app.commands.demo.load.offers import Offer, offers_of, stock_up
from app.commands.demo.load.scale import Scale
from app.commands.demo.people import ACME, CONTRAIL, GLOBEX, NORTHBRIDGE, move_in
from app.engagements import events as engagement_events
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.capacity import Capacity
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer
from app.members.queries import recipients
from app.parties.model import Organisation
from app.parties.relations import relate


class NoStage(Exception):
    """Why nothing can be loaded here, in one sentence."""


@dataclass(frozen=True)
class Person:
    """Who acts, as rows and History name them."""

    member_id: uuid.UUID | None
    name: str
    label: str


@dataclass(frozen=True)
class Party:
    """An organisation and who acts for it."""

    id: uuid.UUID
    name: str
    people: tuple[Person, ...]


@dataclass(frozen=True)
class Pair:
    """A partner and a customer of its; `weight` says how much they have to do with each other."""

    partner: Party
    customer: Party
    weight: int
    offers: tuple[Offer, ...]


@dataclass(frozen=True)
class Stage:
    """Everything that a slice needs to know. Nothing happens from `until` on."""

    seller_id: uuid.UUID
    reviewers: tuple[Person, ...]
    pairs: tuple[Pair, ...]
    first: BillingMonth
    until: datetime


#: a partner's weight among those that a customer may work with; every other one's is 1
_BUSY = {NORTHBRIDGE: 12, CONTRAIL: 3}
#: relations made in one transaction: nobody waits long for the organisations they lock
_TOGETHER = 100


def set_up(scale: Scale, told: Callable[[str], None]) -> Stage:
    """Make what is missing, and read what there is. As the system."""
    until = clock.now().replace(minute=0, second=0, microsecond=0)
    here = BillingMonth.at(until)
    first = here.shifted(1 - scale.months)
    if until - first.starts_at < timedelta(days=1):  # the month has only just begun
        first = first.previous
    long_ago = min(first.previous, here.shifted(-13)).starts_at + timedelta(hours=9)
    with transaction():
        if db.session.scalar(select(Organisation.id).limit(1)) is None:
            told("The database is empty: the demo's people and products move in.")
            year_ago = here.shifted(-13).starts_at + timedelta(hours=9)
            with clock.pinned(year_ago):
                cast = move_in()
                shelf = stock(cast)
            publish_shelf(cast, shelf, year_ago)
        seller = db.session.scalar(
            select(Organisation).where(Organisation.is_operator).order_by(Organisation.id).limit(1)
        )
        if seller is None:
            raise NoStage("There is no operator who could sell anything: set the portal up first.")
        with clock.pinned(long_ago):
            named = [NORTHBRIDGE, CONTRAIL, *(names.partner(place) for place in range(scale.partners))]
            partners = _taking_part(named, "partner")
            named = [ACME, GLOBEX, *(names.customer(place) for place in range(scale.customers - 2))]
            customers = _taking_part(named, "customer")
            stock_up(partners, seller, here, scale.months)
    pairs = _paired(partners, customers)
    told(f"{len(partners)} partners and {len(customers)} customers, {len(pairs)} pairs that work together.")
    _relate(((partner.id, customer.id) for partner, customer, _ in pairs), long_ago)
    offers = {partner.id: offers_of(partner.id, first.previous, here) for partner in partners}
    ends = {one.id: _party(one, "partner", billing_events.SUBMIT) for one in partners}
    ends |= {one.id: _party(one, "customer", engagement_events.STEER) for one in customers if one.id not in ends}
    return Stage(
        seller.id,
        _party(seller, "operator", billing_events.DECIDE).people,
        tuple(Pair(ends[p.id], ends[c.id], weight, offers[p.id]) for p, c, weight in pairs if offers[p.id]),
        first,
        until,
    )


def _taking_part(wanted: list[str], capacity: Capacity) -> list[Organisation]:
    """The organisations of these names, in this order, made where they are missing; without those that do business no more."""
    known = {one.name: one for one in db.session.scalars(select(Organisation).where(Organisation.name.in_(wanted)))}
    for name in wanted:
        if name not in known:
            known[name] = Organisation(name=name, created_at=clock.now())
            db.session.add(known[name])
        setattr(known[name], f"is_{capacity}", True)
    db.session.flush()
    return [known[name] for name in wanted if known[name].deactivated_at is None]


def _paired(
    partners: list[Organisation], customers: list[Organisation]
) -> list[tuple[Organisation, Organisation, int]]:
    """Each customer with one to three partners. The first customers weigh as much as hundreds of the long tail."""
    wheel = [partner for partner in partners for _ in range(_BUSY.get(partner.name, 1))]
    pairs = []
    for place, customer in enumerate(customers):
        chosen = dict.fromkeys(wheel[(place * 7 + turn * 13) % len(wheel)] for turn in range(1 + place % 3))
        for turn, partner in enumerate(one for one in chosen if one.id != customer.id):
            pairs.append((partner, customer, max(1, 10**6 // (place + 3) >> turn)))
    return pairs


def _relate(pairs: Iterable[tuple[uuid.UUID, uuid.UUID]], at: datetime) -> None:
    """Through the parties' own action, which is safe to say again."""
    waiting = iter(pairs)
    while some := list(islice(waiting, _TOGETHER)):
        with transaction(), clock.pinned(at):
            for partner_id, customer_id in some:
                relate(partner_id, customer_id)


def _party(organisation: Organisation, capacity: Capacity, permission: str) -> Party:
    """With its members who may do it; where there is none, with somebody who has left since."""
    people: list[tuple[uuid.UUID | None, str]] = [
        (r.member_id, r.name) for r in recipients(organisation.id, permission)
    ]
    people = people or [(None, names.person(sum(map(ord, organisation.name))))]
    return Party(
        organisation.id,
        organisation.name,
        tuple(
            Person(member_id, name, Viewer(capacity, organisation.id, organisation.name, member_id, name).label)
            for member_id, name in people
        ),
    )
