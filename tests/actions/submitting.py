"""Sending a billing entry, said in one line, for the tests of its deadline."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.billing import actions
from app.billing.actions import Draft
from app.billing.model import BillingEntry
from app.catalog.queries import prices_of
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.months import actions as months
from app.parties.model import Organisation
from tests.makers import as_partner, make_engagement, make_product


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def active_since(at: str, **product: Any) -> Engagement:
    with clock.pinned(utc(at)):
        made = make_product(**product)
    return make_engagement(made, at=utc(at))


def ada_of(engagement: Engagement, *roles: str, zone: str = "UTC") -> Viewer:
    with acting_for_all("a test's partner"):
        partner = one(Organisation, engagement.partner_id)
    return replace(as_partner(partner, *roles), zone=zone)


def draft_for(engagement: Engagement, month: str, quantity: str = "1", notes: str = "") -> Draft:
    return Draft(prices_of(engagement.plan_id).metrics[0].id, BillingMonth.parse(month), Decimal(quantity), notes)


def submit(engagement: Engagement, month: str, *, by: Viewer | None = None, **more: str) -> BillingEntry:
    by = by or ada_of(engagement)
    with viewing(by):
        return actions.submit(one(Engagement, engagement.id), draft_for(engagement, month, **more), by=by)


def refusal(do: Callable[[], Any]) -> Refused:
    with pytest.raises(Refused) as no:
        do()
    return no.value


def entries() -> int:
    with acting_for_all("a test counts"):
        return db.session.scalar(select(func.count(BillingEntry.id))) or 0


def freeze(month: str) -> None:
    with acting_for_all("a test's month close") as closer:
        row = months.hold("reject-after-grace", BillingMonth.parse(month))
        months.freeze(row, by=closer)
