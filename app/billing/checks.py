"""What must hold of billing, row by row: amounts follow from prices, months from entries, charges from amounts.

Every check reads in one stream and keeps no more than the tariffs it has met.
"""

import json
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import and_, case, select
from sqlalchemy.orm import aliased

from app.billing import closed_months_checks, corrections_checks, rules, states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.rules import Terms
from app.billing.standing import LINES_OF_ENTRIES, OF_ENTRY, line_of
from app.catalog import tariff as tariffs
from app.catalog.model import MetricPrice, PriceVersion, Programme
from app.catalog.rules import Remuneration
from app.charges.model import ChargeLine
from app.foundation.database import as_text, db, streamed
from app.foundation.history import History
from app.foundation.money import Money, exponent, round_half_up
from app.foundation.refusals import Refused
from app.foundation.self_check import Check, Verdicts

_WHAT_A_LINE_FOLLOWS_FROM = (
    BillingEntry.kind, BillingEntry.corrects_id, BillingEntry.engagement_id, BillingEntry.metric_id, BillingEntry.rated_sequence,
    BillingEntry.service_month, BillingEntry.amount_minor, BillingEntry.currency,
)  # fmt: skip

#: read for reversals alone
_OF_A_REVERSAL = {"corrects_id", "engagement_id", "metric_id", "rated_sequence", "service_month"}
#: what an entry and its charge line say alike
_ALIKE = (
    "seller_id", "partner_id", "customer_id", "is_test", "service_month", "booked_month", "currency", "programme_id",
)  # fmt: skip


def checks() -> list[Check]:
    return [
        Check("rated amounts follow from quantity and price version", _amounts),
        Check("rated entries make up their month: no gap, no rest, the tariff of its quantity", _groups),
        Check("each rated entry has the charge line that follows from its amount", _lines),
        Check("each charge line of billing has its rated entry", _strays),
        Check("billing entries are as history says", _states),
        *corrections_checks.checks(),
        *closed_months_checks.checks(),
    ]


def _amounts() -> Verdicts:
    """Real ones: a test is rated with a draft, and a draft may be changed afterwards."""
    terms_of = _terms()
    rows = select(
        BillingEntry.number, BillingEntry.amount_minor, BillingEntry.currency, BillingEntry.quantity,
        as_text(BillingEntry.metric_id).label("metric_id"), as_text(BillingEntry.price_version_id).label("price_version_id"),
        BillingEntry.quantity_before, BillingEntry.quantity_after,
    ).where(BillingEntry.state == states.RATED, BillingEntry.is_test.is_(False))  # fmt: skip
    for row in streamed(rows):
        terms = terms_of(row.price_version_id, row.metric_id)
        if terms is None or row.quantity_before is None:
            yield f"{row.number} is rated without a price version"
            continue
        try:
            rated = rules.rate(terms, row.quantity_before, row.quantity)
        except (Refused, tariffs.OverLimit, ValueError) as refused:
            yield f"{row.number} is rated, but its price version says: {refused}"
            continue
        stored = Money.of_minor(row.amount_minor, row.currency)
        if rated.amount != stored or rated.after != row.quantity_after:
            yield f"{row.number} is rated at {stored}, its price version says {rated.amount}"
        else:
            yield ""


def _groups() -> Verdicts:
    """One verdict a group, from its entries in the order they were rated; then the groups that nothing makes up."""
    terms_of = _terms()
    of_group = and_(
        RatingGroup.engagement_id == BillingEntry.engagement_id,
        RatingGroup.metric_id == BillingEntry.metric_id,
        RatingGroup.service_month == BillingEntry.service_month,
    )
    key = (BillingEntry.engagement_id, BillingEntry.metric_id, BillingEntry.service_month)
    entries = (
        select(
            as_text(BillingEntry.engagement_id), as_text(BillingEntry.metric_id), BillingEntry.service_month, BillingEntry.number,
            BillingEntry.amount_minor, BillingEntry.currency, as_text(BillingEntry.price_version_id).label("price_version_id"),
            BillingEntry.quantity_before, BillingEntry.quantity_after, BillingEntry.rated_sequence, BillingEntry.is_test,
            RatingGroup.quantity, RatingGroup.amount_minor.label("group_minor"), RatingGroup.entries,
        )
        .outerjoin(RatingGroup, of_group)
        .where(BillingEntry.state == states.RATED)
        .order_by(*key, BillingEntry.rated_sequence)
    )  # fmt: skip
    found = streamed(entries)
    for (engagement_id, metric_id, month), rows in groupby(found, key=lambda row: tuple(row[:3])):
        wrong = _of_one_group(rows, metric_id, terms_of)
        yield f"engagement {uuid.UUID(engagement_id)}, {month}: {wrong}" if wrong else ""
    empty = select(
        RatingGroup.engagement_id,
        RatingGroup.service_month,
        RatingGroup.quantity,
        RatingGroup.amount_minor,
        RatingGroup.entries,
    ).where(~select(BillingEntry.id).where(of_group, BillingEntry.state == states.RATED).exists())
    for row in streamed(empty):
        is_empty = (row.quantity, row.amount_minor, row.entries) == (0, 0, 0)
        yield (
            ""
            if is_empty
            else f"engagement {row.engagement_id}, {row.service_month}: the month holds {row.amount_minor} without a rated entry"
        )


def _of_one_group(rows: Iterable[Any], metric_id: str, terms_of: "TermsOf") -> str:
    """What is wrong with a group, or ''."""
    reached, minor, count, versions, row = Decimal(0), 0, 0, set(), None
    for row in rows:
        if row.rated_sequence != count + 1:
            return f"{row.number} was rated as number {row.rated_sequence}, the one before it as number {count}"
        if row.quantity_before != reached:
            return f"{row.number} was rated from {row.quantity_before}, the entry before it left {reached}"
        reached, minor, count = row.quantity_after, minor + row.amount_minor, count + 1
        versions.add(row.price_version_id)
    assert row is not None
    if (row.quantity, row.group_minor, row.entries) != (reached, minor, count):
        return f"the month holds {row.quantity} at {row.group_minor} in {row.entries} entries, they come to {reached} at {minor} in {count}"
    one_version = len(versions) == 1 and not row.is_test  # two share no one tariff, and a draft is another one each day
    terms = terms_of(versions.pop(), metric_id) if one_version else None
    if terms is None or terms.tariff is None:
        return ""
    cost = round_half_up(tariffs.cost(terms.tariff, reached), exponent(terms.currency))
    return (
        ""
        if cost == Money.of_minor(minor, terms.currency).amount
        else f"{reached} cost {cost}, its entries come to {minor}"
    )


def _lines() -> Verdicts:
    """What an entry and its line say alike is compared by the database; only a reversal's amounts need all of its columns."""
    what = [
        case((BillingEntry.kind == states.REVERSAL, column)) if column.key in _OF_A_REVERSAL else column
        for column in _WHAT_A_LINE_FOLLOWS_FROM
    ]
    rows = (
        select(
            BillingEntry.number, Programme.remuneration, Programme.remuneration_percent, Programme.tax_percent,
            *(column.label(name.key) for column, name in zip(what, _WHAT_A_LINE_FOLLOWS_FROM, strict=True)),
            ChargeLine.gross_minor, ChargeLine.due_minor, ChargeLine.tax_minor,
            and_(*(getattr(BillingEntry, name).is_not_distinct_from(getattr(ChargeLine, name)) for name in _ALIKE)).label("alike"),
        )
        .join(Programme, Programme.id == BillingEntry.programme_id)
        .outerjoin(ChargeLine, OF_ENTRY)
        .where(BillingEntry.state == states.RATED)
    )  # fmt: skip
    for row in streamed(rows):
        if row.gross_minor is None:
            yield f"{row.number} is rated and has no charge line"
            continue
        follows = line_of(row, Remuneration(row.remuneration, row.remuneration_percent), row.tax_percent)
        wanted = (follows.gross, follows.due, follows.tax)
        found = (row.gross_minor, row.due_minor, row.tax_minor)
        if found != wanted:
            amount = Money.of_minor(row.amount_minor, row.currency)
            yield f"{row.number}: its charge line says gross, due, tax {found}; {amount} gives {wanted}"
        elif not row.alike:
            yield f"{row.number}: its charge line names other parties, months or currency"
        else:
            yield ""


def _strays() -> Verdicts:
    rows = (
        select(
            as_text(ChargeLine.id).label("id"), ChargeLine.description, BillingEntry.id.is_not(None).label("has_entry")
        )
        .outerjoin(BillingEntry, and_(BillingEntry.id == ChargeLine.source_id, BillingEntry.state == states.RATED))
        .where(ChargeLine.source_kind == LINES_OF_ENTRIES)
    )
    for row in streamed(rows):
        yield "" if row.has_entry else f"charge line {uuid.UUID(row.id)} ({row.description}) has no rated entry"


def _states() -> Verdicts:
    """The state, and what the last event tells of the amount: an amount that was changed everywhere else still stands there."""
    told = aliased(History)
    said = select(told.id).where(told.about_id == BillingEntry.id, told.to_state.is_not(None))
    # not the largest id: PostgreSQL, where it has no statistics yet, would look for it from the table's end
    last = said.order_by(told.sequence.desc()).limit(1).scalar_subquery()
    rows = (
        select(
            BillingEntry.number, BillingEntry.state, BillingEntry.amount_minor, BillingEntry.currency,
            BillingEntry.quantity_before, BillingEntry.quantity_after, History.to_state, History.facts,
        )
        .outerjoin(History, History.id == last)
    )  # fmt: skip
    for row in streamed(rows):
        if row.to_state is None:
            yield f"{row.number} is {row.state} and has no history"
        elif row.to_state != row.state:
            yield f"{row.number} is {row.state}, history says {row.to_state}"
        elif row.state == states.RATED and _told(row) != _stored(row):
            yield f"{row.number} is rated at {_stored(row)[0]}, history says {_told(row)[0]}"
        else:
            yield ""


def _told(row: Any) -> tuple[str, Decimal, Decimal]:
    facts = json.loads(row.facts)
    return facts["amount"], Decimal(facts["before"]), Decimal(facts["after"])


def _stored(row: Any) -> tuple[str, Decimal, Decimal]:
    return str(Money.of_minor(row.amount_minor, row.currency)), row.quantity_before, row.quantity_after


#: (price version, metric), as text
TermsOf = Callable[[str | None, str], Terms | None]


def _terms() -> TermsOf:
    """(price version, metric) -> its terms without limits, as Explain takes them; the last thousand are remembered."""

    @lru_cache(maxsize=1000)
    def terms_of(version_id: str | None, metric_id: str) -> Terms | None:
        if version_id is None:
            return None
        version, metric = uuid.UUID(version_id), uuid.UUID(metric_id)
        found = db.session.execute(
            select(MetricPrice, PriceVersion.currency)
            .join(PriceVersion, PriceVersion.id == MetricPrice.price_version_id)
            .where(MetricPrice.price_version_id == version, MetricPrice.metric_id == metric)
        ).one_or_none()
        return None if found is None else Terms(found[0].tariff, found[1], True, None)

    return terms_of
