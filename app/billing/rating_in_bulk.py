"""Rating very many entries in one transaction: the rules, rows and history of rating them one by one, in the same order.

Groups are locked first, in the order of their keys, then chains, then month sums: as a single rating takes its own. Entries are
not locked but compared: who withdrew one meanwhile makes the whole come to nothing, and it is tried again. What a person has to
hear of, because it is refused or goes to review, is left to rate_entry; it holds up nobody.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import rules, states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.queries import DueEntry
from app.billing.rating import RATED, booked_amounts, line_description, rated_columns, rated_facts, terms_of
from app.billing.rules import Terms
from app.catalog.model import Programme
from app.catalog.queries import PlanPrices, PricedMetric, prices_of_plans, remuneration_of
from app.charges.actions import book_lines, line_for
from app.foundation import bulk, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_states
from app.foundation.collecting import without_collecting
from app.foundation.database import db, transaction
from app.foundation.identity import new_id
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.months.queries import is_stored

#: engagement, metric, service month
GroupKey = tuple[uuid.UUID, uuid.UUID, BillingMonth]


def rate_many(due: Sequence[DueEntry], *, by: Viewer) -> list[uuid.UUID]:
    """Rate these submitted entries in their order. Returns those that are left to rate_entry, end-to-end tests among them.

    AlreadyDone, with nothing written, when one of them was taken along by somebody else.
    """
    with without_collecting(), transaction(), acting_for_all("rating reads terms and groups of every party"):
        return _Ground(due, by).rate(due)


@dataclass(slots=True)
class _Group:
    """A group as the entries rated so far leave it, and the price of its month, read at its first entry here.

    `cost`: what its quantity costs, None until one was rated here. `price`: None where the plan lacks the metric.
    """

    id: uuid.UUID
    quantity: Decimal
    amount_minor: int
    entries: int
    cost: Decimal | None = None
    is_priced: bool = False
    price: tuple[PricedMetric, Terms] | None = None
    is_moved: bool = False


class _Sold:
    """What a programme says, read once for all entries under it."""

    def __init__(self, programme: Programme, months: Iterable[BillingMonth]) -> None:
        self.review_threshold = programme.review_threshold
        self._remuneration, self._tax_percent = remuneration_of(programme), programme.tax_percent
        self._amounts: dict[Money, dict[str, Money]] = {}
        #: months that a close has stored, which rate_entry then says
        self.told = {month for month in months if is_stored(programme.cut_off, month, programme.id)}

    def amounts(self, amount: Money) -> dict[str, Money]:
        """Gross, due and tax, worked out once for all entries of one amount: a price list knows few."""
        known = self._amounts.get(amount)
        if known is None:
            known = self._amounts[amount] = booked_amounts(amount, self._remuneration, self._tax_percent)
        return known


class _Ground:
    """What many ratings stand on, and what they come to."""

    def __init__(self, due: Sequence[DueEntry], by: Viewer) -> None:
        self._by, self._now = by, clock.now()
        self._groups = _held_groups(due)
        months = {entry.booked_month for entry in due}
        self._sold = {row.id: _Sold(row, months) for row in db.session.scalars(select(Programme)).all()}
        self._prices = prices_of_plans({entry.plan_id for entry in due})
        self._priced: dict[tuple[Any, ...], tuple[PricedMetric, Terms] | None] = {}
        self._moved: list[_Group] = []
        self._booked: list[tuple[DueEntry, str, dict[str, Money]]] = []

    def rate(self, due: Sequence[DueEntry]) -> list[uuid.UUID]:
        """All of them, each while those before it are written; gives back those that are left to rate_entry."""
        left: list[uuid.UUID] = []
        change_states(BillingEntry, self._rated(due, left), states.RATE, by=self._by, columns=RATED, at=self._now)
        names = ("quantity", "amount_minor", "entries")
        moved = ((group.id, group.quantity, group.amount_minor, group.entries) for group in self._moved)
        bulk.update(RatingGroup, ("id",), names, moved)
        book_lines(self._lines())
        return left

    def _rated(
        self, due: Sequence[DueEntry], left: list[uuid.UUID]
    ) -> Iterator[tuple[DueEntry, Sequence[Any], dict[str, str]]]:
        """Entry, its columns and its facts, one after the other; asks the database nothing."""
        for entry in due:
            rated = None if entry.is_test else self._rate(entry)
            if rated is None:
                left.append(entry.id)
            else:
                yield entry, *rated

    def _rate(self, entry: DueEntry) -> tuple[Sequence[Any], dict[str, str]] | None:
        """None: it is refused, or a person looks at it."""
        group = self._groups[entry.engagement_id, entry.metric_id, entry.service_month]
        sold, price = self._sold[entry.programme_id], self._price(entry, group)
        if price is None:
            return None
        priced, terms = price
        try:
            ended_at = rules.end_that_counts(entry.ended_at, entry.submitted_at)
            rules.check_active(entry.service_month, entry.active_from, ended_at)
            rated = rules.rate(terms, group.quantity, entry.quantity, costs_before=group.cost)
        except Refused:
            return None
        if rules.needs_review(rated.amount, sold.review_threshold) or entry.booked_month in sold.told:
            return None
        assert priced.version is not None  # rules.rate refuses a month without a price
        columns = rated_columns(rated, priced.version.id, group.entries + 1, self._now, by=self._by)
        group.quantity, group.cost = rated.after, rated.cost_after
        group.amount_minor, group.entries = group.amount_minor + columns["amount_minor"], group.entries + 1
        if not group.is_moved:
            group.is_moved = True
            self._moved.append(group)
        self._booked.append((entry, priced.metric.unit, sold.amounts(rated.amount)))
        return tuple(columns.values()), rated_facts(entry.number, rated)

    def _lines(self) -> Iterator[dict[str, Any]]:
        for entry, unit, amounts in self._booked:
            yield line_for(
                entry, kind="billing-entry", description=line_description(entry.engagement, entry.quantity, unit),
                service_month=entry.service_month, booked_month=entry.booked_month, programme_id=entry.programme_id,
                at=self._now, **amounts,
            )  # fmt: skip

    def _price(self, entry: DueEntry, group: _Group) -> tuple[PricedMetric, Terms] | None:
        """The plan's metric with its price in the month, worked out once for all groups of it."""
        if not group.is_priced:
            key = (entry.plan_id, entry.metric_id, entry.service_month)
            if key not in self._priced:
                self._priced[key] = _priced(self._prices[entry.plan_id], entry.metric_id, entry.service_month)
            group.price, group.is_priced = self._priced[key], True
        return group.price


def _priced(prices: PlanPrices, metric_id: uuid.UUID, month: BillingMonth) -> tuple[PricedMetric, Terms] | None:
    priced = next((one for one in prices.in_month(month) if one.metric.id == metric_id), None)
    return None if priced is None else (priced, terms_of(priced))


def _held_groups(due: Sequence[DueEntry]) -> dict[GroupKey, _Group]:
    """The entries' groups, made where nothing of them was rated yet, locked until the caller's transaction ends.

    Missing ones go in first, in one order, and then all are locked in one order: two raters never wait in a ring.
    """
    wanted: dict[GroupKey, DueEntry] = {
        (entry.engagement_id, entry.metric_id, entry.service_month): entry for entry in due
    }
    missing = wanted.keys() - _groups(wanted).keys()
    if missing:
        _make_groups(wanted[key] for key in sorted(missing))
    return _groups(wanted, lock=True)


def _groups(wanted: Iterable[GroupKey], *, lock: bool = False) -> dict[GroupKey, _Group]:
    keys = {key: key for key in wanted}
    found = select(
        RatingGroup.engagement_id, RatingGroup.metric_id, RatingGroup.service_month,
        RatingGroup.id, RatingGroup.quantity, RatingGroup.amount_minor, RatingGroup.entries,
    ).where(
        RatingGroup.engagement_id.in_({key[0] for key in keys}), RatingGroup.service_month.in_({key[2] for key in keys})
    )  # fmt: skip
    if lock:
        found = found.order_by(RatingGroup.engagement_id, RatingGroup.metric_id, RatingGroup.service_month)
        found = found.with_for_update()
    rows = db.session.execute(found)
    # by the keys that were given: what is looked up by the same objects is found at a glance
    return {key: _Group(*row[3:]) for row in rows if (key := keys.get((row[0], row[1], row[2])))}


def _make_groups(entries: Iterable[DueEntry]) -> None:
    insert: Any = (postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite).insert(RatingGroup)
    rows = [
        {
            "id": new_id(),
            "seller_id": entry.seller_id,
            "partner_id": entry.partner_id,
            "customer_id": entry.customer_id,
            "is_test": entry.is_test,
            "engagement_id": entry.engagement_id,
            "metric_id": entry.metric_id,
            "service_month": entry.service_month,
            "quantity": Decimal(0),
            "amount_minor": 0,
            "entries": 0,
        }
        for entry in entries
    ]
    db.session.execute(insert.on_conflict_do_nothing(), rows)


__all__ = ["GroupKey", "rate_many"]
