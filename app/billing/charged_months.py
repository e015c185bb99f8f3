"""What an engagement is charged by service month and so far, as its customer reads it: added up once for what is rated.

The charge book only grows, and whoever writes a line of an entry raises the count of the entry's group in the same transaction. So
what a month was found to come to holds for as long as its groups count as many entries. It is kept by these counts, and only
where as many lines were found; another count is another key, and is added up anew. What an engagement comes to is kept by the counts
of all of its groups, as they were read: one more entry adds up its month.
"""

import uuid
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import islice
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import Uuid, and_, bindparam, func, outerjoin, select

from app.billing.model import BillingEntry, RatingGroup
from app.billing.standing import LINES_OF_ENTRIES
from app.charges.model import ChargeLine
from app.foundation.billing_month import BillingMonth
from app.foundation.database import as_text, id_of
from app.foundation.kept_statements import columns_of
from app.foundation.money import Money
from app.foundation.row_texts import number_text, pieces_of, row_texts

_GROUPS = row_texts(number_text(RatingGroup.service_month), as_text(RatingGroup.id), number_text(RatingGroup.entries))
#: for charged_in(), in a statement that is asked with `engagement_id`
RATED_GROUPS = (
    select(_GROUPS)
    .where(RatingGroup.engagement_id == bindparam("engagement_id", type_=Uuid()), RatingGroup.entries > 0)
    .scalar_subquery()
    .label("rated_groups")
)
_ALONE = select(RATED_GROUPS)
#: A group's entries in the order of their index: PostgreSQL, which expects few of an engagement, would read all of it for each group
_entries = (
    select(BillingEntry.id)
    .where(
        BillingEntry.engagement_id == RatingGroup.engagement_id,
        BillingEntry.metric_id == RatingGroup.metric_id,
        BillingEntry.service_month == RatingGroup.service_month,
    )
    .order_by(BillingEntry.rated_sequence)
    .correlate(RatingGroup)
    .subquery()
)
_sums = (
    select(
        ChargeLine.currency,
        func.sum(ChargeLine.gross_minor).label("gross_minor"),
        func.sum(ChargeLine.tax_minor).label("tax_minor"),
        func.count().label("entries"),
    )
    # outer: the group's entries lead, not all of the client's lines; what is not charged yet comes without a currency
    .select_from(
        outerjoin(
            _entries,
            ChargeLine,
            and_(ChargeLine.source_kind == LINES_OF_ENTRIES, ChargeLine.source_id == _entries.c.id),
        )
    )
    .group_by(ChargeLine.currency)
    .correlate(RatingGroup)
    .subquery()
    .c
)
_CHARGED = select(
    as_text(RatingGroup.id).label("group_id"),
    RatingGroup.service_month,
    select(
        row_texts(
            _sums.currency, number_text(_sums.gross_minor), number_text(_sums.tax_minor), number_text(_sums.entries)
        )
    )
    .scalar_subquery()
    .label("charged"),
).where(RatingGroup.id.in_(bindparam("group_ids", expanding=True)))


class Charged(NamedTuple):
    """In one currency; amounts in its minor units, without and of tax."""

    service_month: BillingMonth
    currency: str
    gross_minor: int
    tax_minor: int
    entries: int


#: a month's groups, each with how many entries it counts
Counts = tuple[tuple[str, int], ...]
#: so many months of a process's engagements, and so many engagements
MOST_KEPT = 10_000
_kept: dict[Counts, tuple[Charged, ...]] = {}
#: the groups of an engagement, as they were read -> what it comes to
_kept_so_far: dict[str, tuple[Money, ...]] = {}


def forget() -> None:
    """For tests, which put another database in the place of this one, and for a figure of what is new to a process."""
    _kept.clear()
    _kept_so_far.clear()


def charged_by_month(engagement_id: uuid.UUID, limit: int = 3) -> list[Charged]:
    """The engagement's newest months with anything rated, newest first, `limit` rows at most."""
    [row] = columns_of(_ALONE, {"engagement_id": engagement_id})
    return charged_in(row.rated_groups, limit)


def charged_in(rated_groups: str | None, limit: int | None = None) -> list[Charged]:
    """The same where RATED_GROUPS are known; None: all months."""
    newest = list(islice(_counts(rated_groups or ""), limit))
    found = _charged(newest)
    return [row for counts in newest for row in found[counts]][:limit]


def charged_beside(page: Any) -> list[Any]:
    """What is rated of each row of a page of engagements, for page_of(beside=...) and charged_so_far()."""
    rated = select(_GROUPS).where(RatingGroup.engagement_id == page.id, RatingGroup.entries > 0)
    return [rated.correlate(page.id.table).scalar_subquery().label("rated_groups")]


def charged_so_far(rows: Iterable[Any]) -> list[tuple[Money, ...]]:
    """Gross, one amount a currency, of each row of such a page."""
    texts = [row.rated_groups or "" for row in rows]
    found = {text: _kept_so_far.get(text) for text in texts}
    unknown = {text: _counts(text) for text, sums in found.items() if sums is None}
    added_up = _charged([counts for its in unknown.values() for counts in its])
    for text, its in unknown.items():
        charged = [row for counts in its for row in added_up[counts]]
        found[text] = sums = in_money(charged)
        if sum(row.entries for row in charged) == sum(entries for counts in its for _group, entries in counts):
            _keep(_kept_so_far, text, sums)  # else something was rated meanwhile
    return [found[text] or () for text in texts]


def in_money(charged: Iterable[Charged]) -> tuple[Money, ...]:
    """Gross, one amount a currency."""
    sums: dict[str, int] = {}
    for row in charged:
        sums[row.currency] = sums.get(row.currency, 0) + row.gross_minor
    return tuple(Money.of_minor(minor, currency) for currency, minor in sorted(sums.items()))


@lru_cache(maxsize=500)
def _counts(text: str) -> tuple[Counts, ...]:
    """Of each month, the newest first."""
    counts: dict[int, Counts] = {}
    for month, group_id, entries in sorted(pieces_of(text), reverse=True):
        counts[int(month)] = (*counts.get(int(month), ()), (group_id, int(entries)))
    return tuple(counts.values())


def _charged(months: Collection[Counts]) -> dict[Counts, tuple[Charged, ...]]:
    found = {counts: _kept.get(counts) for counts in months}
    unknown = [counts for counts, rows in found.items() if rows is None]
    added_up = _added_up(unknown) if unknown else {}
    for counts, rows in added_up.items():
        if sum(row.entries for row in rows) == sum(entries for _group, entries in counts):
            _keep(_kept, counts, rows)  # else something was rated between the two statements
    return {counts: added_up[counts] if rows is None else rows for counts, rows in found.items()}


def _added_up(months: Iterable[Counts]) -> dict[Counts, tuple[Charged, ...]]:
    month_of = {group_id: counts for counts in months for group_id, _entries in counts}
    found: dict[Counts, dict[str, Charged]] = {counts: {} for counts in month_of.values()}
    for group in columns_of(_CHARGED, {"group_ids": list(map(id_of, month_of))}):
        its = found[month_of[group.group_id]]
        for currency, *amounts in pieces_of(group.charged):
            before = its.get(currency, Charged(group.service_month, currency, 0, 0, 0))
            its[currency] = Charged(*before[:2], *map(add, before[2:], map(int, amounts)))
    return {counts: tuple(its[currency] for currency in sorted(its)) for counts, its in found.items()}


def _keep(kept: dict[Any, Any], key: Any, found: Any) -> None:
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = found
