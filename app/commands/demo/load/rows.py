"""The rows of one slice, table by table, in the order of the columns named here; and how they are written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.billing.model import BillingEntry, RatingGroup
from app.charges.model import ChargeLine
from app.charges.month_sums import add_to_months
from app.engagements.model import CompletionRequest, Engagement
from app.foundation import bulk, chains
from app.foundation.history import History, HistoryHead

PARTIES = ("seller_id", "partner_id", "customer_id", "is_test")
ENGAGEMENT = (
    "id", *PARTIES, "number", "product_id", "plan_id", "name", "contact_number", "additional_information", "custom_parameters",
    "catalog_edition", "state", "instance_state", "requested_by_id", "requested_by_name", "requested_at", "active_from", "ended_at",
    "reason", "version", "search_text",
)  # fmt: skip
REQUEST = (
    "id", *PARTIES, "engagement_id", "state", "wish", "asked_by_id", "asked_by_name", "asked_at", "decided_by_name", "decided_at",
    "outcome", "reason",
)  # fmt: skip
ENTRY = (
    "id", *PARTIES, "number", "kind", "engagement_id", "programme_id", "metric_id", "service_month", "booked_month", "quantity",
    "notes", "state", "submitted_by_id", "submitted_by_name", "submitted_at", "rated_at", "rated_by_name", "amount_minor", "currency",
    "price_version_id", "quantity_before", "quantity_after", "rated_sequence", "reason", "tries", "version",
)  # fmt: skip
GROUP = ("id", *PARTIES, "engagement_id", "metric_id", "service_month", "quantity", "amount_minor", "entries")
LINE = (
    "id", *PARTIES, "programme_id", "description", "service_month", "booked_month", "currency", "gross_minor", "due_minor",
    "tax_minor", "source_kind", "source_id", "created_at",
)  # fmt: skip
HEAD = ("subject_kind", "subject_id", "length", "hash")

Row = tuple[Any, ...]


@dataclass
class Rows:
    engagements: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    groups: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    heads: list[Row] = field(default_factory=list)
    #: key of a month's sums -> gross, due, tax, lines
    sums: dict[Row, list[int]] = field(default_factory=dict)

    def add_to_sums(self, key: Row, gross: int, due: int, tax: int) -> None:
        held = self.sums.get(key)
        if held is None:
            self.sums[key] = [gross, due, tax, 1]
        else:
            held[0] += gross
            held[1] += due
            held[2] += tax
            held[3] += 1

    @property
    def count(self) -> int:
        return sum(len(rows) for _, _, rows in self._tables())

    def write(self) -> None:
        """All of it, inside the caller's transaction. As the system."""
        for model, names, rows in self._tables():
            bulk.insert(model, names, rows)
        add_to_months((*key, *sums) for key, sums in self.sums.items())

    def _tables(self) -> Iterator[tuple[Any, tuple[str, ...], list[Row]]]:
        yield Engagement, ENGAGEMENT, self.engagements
        yield CompletionRequest, REQUEST, self.requests
        yield BillingEntry, ENTRY, self.entries
        yield RatingGroup, GROUP, self.groups
        yield ChargeLine, LINE, self.lines
        yield History, chains.COLUMNS, self.events
        yield HistoryHead, HEAD, self.heads
