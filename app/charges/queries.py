"""Reading the charge book. What a customer gets is selected without `due`: what is not read cannot leak."""

import uuid
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, Uuid, column, func, select, values
from sqlalchemy.orm import aliased

from app.charges.model import ChargeLine, ChargeMonth
from app.foundation.billing_month import BillingMonth
from app.foundation.database import at_most, db
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import NotVisible
from app.foundation.row_texts import number_text, pieces_of, row_texts
from app.foundation.text_pages import Within
from app.foundation.unseen import BOUND_UNSEEN, PLANNED_ONCE, Unseen
from app.foundation.words_within import holds_words
from app.parties.model import Organisation

#: lines that a page of a search looks through; whoever has more goes on from there
MOST_SEARCHED = 3_000
#: columns of a customer's list and export: gross and tax only
CUSTOMER_COLUMNS = (
    ChargeLine.id,
    ChargeLine.booked_month,
    ChargeLine.service_month,
    ChargeLine.description,
    ChargeLine.gross_minor,
    ChargeLine.tax_minor,
    ChargeLine.currency,
    ChargeLine.created_at,
    Organisation.name.label("partner_name"),
)


def own_charges_asked(
    month: BillingMonth | None = None, search: str = ""
) -> tuple[Select[*tuple[Any, ...]], dict[str, Any], Within | None]:
    """The same list as own_charges(), built once for each choice of filters, the parameters to ask it with, and how it is searched:
    among so many lines a page, since no index knows the words of a line."""
    given = {name: value for name, value in {"month": month, "words": search}.items() if value}
    return _own_of(month is not None), given, SEARCHED if search else None


@cache
def _own_of(one_month: bool) -> Select[*tuple[Any, ...]]:
    month = Unseen("month", type_=ChargeLine.booked_month.type) if one_month else None
    return _own(month).execution_options(**{PLANNED_ONCE: True, BOUND_UNSEEN: True})


SEARCHED = Within(
    lambda line: holds_words(line.description, Unseen("words", type_=ChargeLine.description.type)), most=MOST_SEARCHED
)


def own_charges(month: BillingMonth | None = None, search: str = "") -> Select[*tuple[Any, ...]]:
    """A customer's lines, for page_of and the streamed exports; order by (booked_month, id)."""
    return _own(month, search or None)


def _own(month: Any = None, words: Any = None) -> Select[*tuple[Any, ...]]:
    """Of values, or of places for them."""
    # outer, though there always is one: else PostgreSQL, which sees that few organisations are shown to a client, expects of
    # few lines that their partner is, and reads and sorts all of them for one page
    lines = select(*CUSTOMER_COLUMNS).outerjoin(Organisation, Organisation.id == ChargeLine.partner_id)
    if month is not None:
        lines = lines.where(ChargeLine.booked_month == month)
    if words is not None:
        lines = lines.where(holds_words(ChargeLine.description, words))
    return lines


def partner_charges(month: BillingMonth | None = None) -> Select[*tuple[Any, ...]]:
    """A partner's lines with what it is due and whom they are charged to; order by (booked_month, id)."""
    customer = aliased(Organisation)
    lines = (
        select(
            *CUSTOMER_COLUMNS,
            ChargeLine.due_minor,
            ChargeLine.source_kind,
            ChargeLine.source_id,
            customer.name.label("customer_name"),
        )
        # outer as above
        .outerjoin(Organisation, Organisation.id == ChargeLine.partner_id)
        .outerjoin(customer, customer.id == ChargeLine.customer_id)
    )
    return lines if month is None else lines.where(ChargeLine.booked_month == month)


class Total(NamedTuple):
    """What a month's lines come to, in one currency; amounts in its minor units."""

    booked_month: BillingMonth
    currency: str
    gross_minor: int
    tax_minor: int


_newest = (
    select(
        ChargeMonth.booked_month,
        ChargeMonth.currency,
        func.sum(ChargeMonth.gross_minor).label("gross_minor"),
        func.sum(ChargeMonth.tax_minor).label("tax_minor"),
    )
    .group_by(ChargeMonth.booked_month, ChargeMonth.currency)
    .order_by(ChargeMonth.booked_month.desc(), ChargeMonth.currency)
    .limit(at_most(12))
    .subquery("newest")
    .c
)
#: the newest months' as one text for totals_of(); for a page's `once`
TOTALS = (
    select(
        row_texts(
            number_text(_newest.booked_month),
            _newest.currency,
            number_text(_newest.gross_minor),
            number_text(_newest.tax_minor),
        )
    )
    .scalar_subquery()
    .label("totals")
)
_TOTALS_ALONE = select(TOTALS)


def own_totals_by_month(row: Any = None) -> tuple[Total, ...]:
    """Of the newest months, newest first; from the sums kept by month. `row`: one with TOTALS, if they were read already."""
    return _totals_of((row or columns_of(_TOTALS_ALONE)[0]).totals or "")


@lru_cache(maxsize=500)
def _totals_of(text: str) -> tuple[Total, ...]:
    found = (
        Total(BillingMonth.of_number(int(month)), currency, int(gross), int(tax))
        for month, currency, gross, tax in pieces_of(text)
    )
    return tuple(sorted(found, key=lambda total: (-total.booked_month.number, total.currency)))


def source_of(line_id: uuid.UUID) -> tuple[str, uuid.UUID]:
    """(kind, id) of what the line was booked for; NotVisible when this viewer has no such line."""
    found = select(ChargeLine.source_kind, ChargeLine.source_id).where(ChargeLine.id == line_id)
    row = db.session.execute(found).one_or_none()
    if row is None:
        raise NotVisible
    return row.source_kind, row.source_id


def gross_of(kind: str, source_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Row[*tuple[Any, ...]]]:
    """source id -> (gross_minor, tax_minor, currency) of the lines this viewer may see."""
    if not source_ids:
        return {}
    asked = values(column("source_id", Uuid), name="asked").data([(source_id,) for source_id in source_ids]).cte()
    found = (
        select(ChargeLine.source_id, ChargeLine.gross_minor, ChargeLine.tax_minor, ChargeLine.currency)
        .select_from(asked)
        # outer: the few sources lead, each along the index that begins with the kind, not all lines of the viewer
        .outerjoin(ChargeLine, (ChargeLine.source_kind == kind) & (ChargeLine.source_id == asked.c.source_id))
    )
    return {row.source_id: row for row in db.session.execute(found) if row.source_id is not None}
