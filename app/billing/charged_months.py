"""What an engagement is charged by service month, as its customer reads it: added up once for what is rated.

The charge book only grows, and whoever writes a line of an entry raises the count of the entry's group in the same transaction. So
what a month was found to come to holds for as long as its groups count as many entries. It is kept by these counts, and only
where as many lines were found; another count is another key, and is added up anew.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Uuid, bindparam, func, select

from app.billing.model import BillingEntry, RatingGroup
from app.billing.standing import OF_ENTRY
from app.charges.model import ChargeLine
from app.foundation.billing_month import BillingMonth
from app.foundation.database import as_text
from app.foundation.kept_statements import columns_of
from app.foundation.row_texts import number_text, pieces_of, row_texts

_ENGAGEMENT = bindparam("engagement_id", type_=Uuid())
#: for charged_in(), in a statement that is asked with `engagement_id`
RATED_GROUPS = (
    select(row_texts(number_text(RatingGroup.service_month), as_text(RatingGroup.id), number_text(RatingGroup.entries)))
    .where(RatingGroup.engagement_id == _ENGAGEMENT, RatingGroup.entries > 0)
    .scalar_subquery()
    .label("rated_groups")
)
_ALONE = select(RATED_GROUPS)
_LINES = (
    select(
        ChargeLine.service_month,
        ChargeLine.currency,
        func.sum(ChargeLine.gross_minor).label("gross_minor"),
        func.sum(ChargeLine.tax_minor).label("tax_minor"),
        func.count().label("entries"),
    )
    .select_from(BillingEntry)
    # outer: the engagement's entries lead, not all of the client's lines; what is not charged yet comes as a row without a month
    .outerjoin(ChargeLine, OF_ENTRY)
    .where(
        BillingEntry.engagement_id == _ENGAGEMENT,
        BillingEntry.service_month.in_(bindparam("months", expanding=True)),
    )
    .group_by(ChargeLine.service_month, ChargeLine.currency)
    .order_by(ChargeLine.service_month.desc(), ChargeLine.currency)
)


class Charged(NamedTuple):
    """In one currency; amounts in its minor units, without and of tax."""

    service_month: BillingMonth
    currency: str
    gross_minor: int
    tax_minor: int
    entries: int


#: a month's groups, each with how many entries it counts
Counts = tuple[tuple[str, int], ...]
#: so many months of a process's engagements
MOST_KEPT = 10_000
_kept: dict[Counts, tuple[Charged, ...]] = {}


def forget() -> None:
    """For tests, which put another database in the place of this one, and for a figure of what is new to a process."""
    _kept.clear()


def charged_by_month(engagement_id: uuid.UUID, limit: int = 3) -> list[Charged]:
    """The engagement's newest months with anything rated, newest first, `limit` rows at most."""
    [row] = columns_of(_ALONE, {"engagement_id": engagement_id})
    return charged_in(engagement_id, row.rated_groups, limit)


def charged_in(engagement_id: uuid.UUID, rated_groups: str | None, limit: int | None = None) -> list[Charged]:
    """The same where RATED_GROUPS are known; None: all months."""
    counts = dict(islice(_counts(rated_groups or "").items(), limit))
    found = {month: _kept.get(its) for month, its in counts.items()}
    unknown = [month for month, rows in found.items() if rows is None]
    if unknown:
        added_up = _added_up(engagement_id, unknown)
        for month in unknown:
            found[month] = added_up[month]
            _keep(counts[month], added_up[month])
    return [row for rows in found.values() for row in rows or ()][:limit]


@lru_cache(maxsize=500)
def _counts(text: str) -> Mapping[BillingMonth, Counts]:
    """Newest first."""
    counts: dict[BillingMonth, Counts] = {}
    for month, group_id, entries in sorted(pieces_of(text), reverse=True):
        month_of = BillingMonth.of_number(int(month))
        counts[month_of] = (*counts.get(month_of, ()), (group_id, int(entries)))
    return counts


def _added_up(engagement_id: uuid.UUID, months: Iterable[BillingMonth]) -> dict[BillingMonth, tuple[Charged, ...]]:
    found: dict[BillingMonth, tuple[Charged, ...]] = dict.fromkeys(months, ())
    for row in columns_of(_LINES, {"engagement_id": engagement_id, "months": list(found)}):
        if row.service_month is not None:
            gross, tax = int(row.gross_minor), int(row.tax_minor)
            found[row.service_month] += (Charged(row.service_month, row.currency, gross, tax, row.entries),)
    return found


def _keep(counts: Counts, rows: Sequence[Charged]) -> None:
    if sum(row.entries for row in rows) != sum(entries for _group, entries in counts):
        return  # something was rated between the two statements
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[counts] = tuple(rows)
