"""Which price counts in which month, and what the programme makes of an amount. Pure: values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

from app.foundation.billing_month import BillingMonth
from app.foundation.mark_up import MarkUp
from app.foundation.money import Money

Version = TypeVar("Version", bound=Any)


def version_for(versions: Iterable[Version], month: BillingMonth) -> Version | None:
    """The price version in force in `month`: the approved one with the latest effective month not after it.

    "the price applies on the 1st after that": a version counts from the first instant of its effective month on, and
    never reaches back. Two with one effective month: the higher number. None: the plan has no price yet.
    """
    in_force = [v for v in versions if v.approved_at is not None and v.effective_from <= month]
    return max(in_force, key=lambda v: (v.effective_from, v.number), default=None)


def draft_version_for(versions: Iterable[Version], month: BillingMonth) -> Version | None:
    """The version an end-to-end test is rated with, approved or not: the one that would be in force in `month`.

    Before any counts, the one that counts first: what is tested is the price list, not its calendar. Never for a real engagement.
    """
    known = sorted(versions, key=lambda v: (v.effective_from, v.number))
    begun = [v for v in known if v.effective_from <= month]
    return begun[-1] if begun else next(iter(known), None)


def first_month_of_change(decided_at: datetime, *, was_published: bool) -> BillingMonth:
    """The first month in which a changed price may count.

    "Notices go out on the 1st of the following month, the price applies on the 1st after that": a case of 10 March is
    told on 1 April and counts from 1 May. Nobody is told of a product that no customer has seen: it counts from 1 April.
    """
    here = BillingMonth.at(decided_at)
    return here.shifted(2) if was_published else here.next


def notice_due_at(effective_from: BillingMonth) -> datetime:
    """When customers are told of a price that counts from this month on: the 1st of the month before, 00:00 UTC."""
    return effective_from.previous.starts_at


@dataclass(frozen=True)
class Remuneration:
    """How one rated amount becomes what the customer is charged and what the partner is due.

    revenue_share: the partner states gross; due = percent of gross, 80 by default for professional services.
    net_plus_mark_up: the partner states net; due = net, gross = net with `percent` mark-up.
    """

    policy: Literal["revenue_share", "net_plus_mark_up"]
    percent: Decimal

    def gross(self, rated: Money) -> Money:
        """What the customer is charged, without tax, for a rated amount."""
        return rated if self.policy == "revenue_share" else _marked_up(rated, self.percent)

    def due(self, rated: Money) -> Money:
        """What the partner is owed for it."""
        return rated.times(self.percent / 100).rounded() if self.policy == "revenue_share" else rated

    def gross_unit_price(self, unit_price: Decimal) -> Decimal:
        """The unit price to show a customer: the stated one, or the marked-up one, derived and unrounded."""
        return unit_price if self.policy == "revenue_share" else MarkUp(self.percent).gross_unit_price(unit_price)


def _marked_up(net: Money, percent: Decimal) -> Money:
    return MarkUp(percent).apply(net)


def tax_on(gross: Money, percent: Decimal) -> Money:
    """Tax of one line, half-up; beside the gross, never in it."""
    return gross.times(percent / 100).rounded()
