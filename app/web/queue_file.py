"""The rating queue as a file: its columns, and its rows with what each would be rated at now."""

from collections.abc import Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select

from app.billing.queries import LIST_KEYS
from app.billing.review import amounts_now
from app.billing.rules import is_overdue
from app.documents import Column, rows_of
from app.foundation import clock
from app.web.ui import TAGS

#: Rows whose amounts are asked for together.
_TOGETHER = 200

COLUMNS = (
    Column(_l("Entry"), "number"),
    Column(_l("Partner"), "partner_name"),
    Column(_l("Submitted by"), "submitted_by_name"),
    Column(_l("Client"), "customer_name"),
    Column(_l("Engagement"), "engagement_number"),
    Column(_l("Engagement name"), "engagement_name"),
    Column(_l("Status"), "status"),
    Column(_l("Overdue"), "overdue"),
    Column(_l("Month"), "service_month"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit"),
    Column(_l("Amount now"), "amount"),
    Column(_l("Currency"), "currency"),
    Column(_l("Notes"), "notes"),
    Column(_l("Submitted at (UTC)"), "submitted_at"),
)


def queue_rows(found: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """`found`: billing.queries.rating_queue(); oldest first, as the page has them."""
    now = clock.now()
    rows = rows_of(found.order_by(*LIST_KEYS))
    while some := list(islice(rows, _TOGETHER)):
        amounts = amounts_now(row.id for row in some)
        for row in some:
            yield SimpleNamespace(
                **row._mapping,
                amount=amounts.get(row.id),
                status=str(TAGS[row.state].label),
                overdue=is_overdue(row.submitted_at, now),
            )
