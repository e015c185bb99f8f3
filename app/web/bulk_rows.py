"""Rows of bulk entry, from the grid or from a file: what was typed, what is wrong with it, what it would come to, what became of it.

    rows = [entered(place, engagement, metrics, typed, key=...), ...]     shape, row by row
    preview_rows(rows)                                                    meaning and amounts, nothing is written
    submit_rows(rows, by=by)                                              what is ticked goes in; the rest stays as it is

Errors are kept by column, so that the page can put each where it belongs; the texts typed stay whatever happens.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import Form

from app.billing import states
from app.billing.actions import Draft
from app.billing.batch import Judged, Line, Outcome, preview_batch, submit_batch
from app.billing.lookalikes import Lookalike, lookalikes, states_of
from app.catalog.model import Metric
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.tenancy import Viewer
from app.months.queries import open_by_the_clock
from app.web import figures, instants
from app.web.fields import MonthField, QuantityField, TextField
from app.web.templating import translate

COLUMNS = ("engagement", "metric", "month", "quantity", "notes", "reference")
#: a rule's field -> the column that shows its no
_COLUMN_OF = {"key": "reference"}


class _Shape(Form):
    """The same fields as one entry's form, so that a row is refused in the same words."""

    month = MonthField(_l("Month"))
    quantity = QuantityField(_l("Quantity"))
    notes = TextField(_l("Notes"), most=500, lines=True, optional=True)


@dataclass(eq=False)
class Entered:
    """One row. `place`: its engagement's id in the grid, its row number in a file. `typed`: column -> text as it came."""

    place: str
    #: engagements.billable's row; None: there is no such engagement for this viewer
    engagement: Any
    #: those of the plan that may be billed
    metrics: Sequence[Metric]
    typed: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    line: Line | None = None
    judged: Judged | None = None
    lookalike: Lookalike | None = None
    outcome: Outcome | None = None
    #: how the entry stands that this row is a repeat of
    repeated_state: str = ""
    #: what the tick said; None: the page had none for this row
    picked: str | None = None

    @property
    def has_answer(self) -> bool:
        """Something is said of it: a row that nobody has touched has nothing to say."""
        return self.judged is not None or self.outcome is not None or bool(self.errors)

    @property
    def is_ready(self) -> bool:
        """It would be created if it were sent now."""
        return self.judged is not None and self.judged.outcome.result == "created" and self.outcome is None

    @property
    def tick(self) -> str:
        """The value of the row's tick: it names the earlier entry that the row looks like, so that a yes is to that one."""
        return str(self.lookalike.row.id) if self.lookalike else "y"

    @property
    def is_ticked(self) -> bool:
        """Ready rows are ticked for you, but for those that look like an earlier entry."""
        return self.tick == self.picked if self.picked is not None else self.lookalike is None

    @property
    def duplicate_of(self) -> str:
        found = self.outcome or (self.judged.outcome if self.judged else None)
        return found.number if found and found.result == "duplicate" else ""

    @property
    def came_to_nothing(self) -> bool:
        """A repeat of what was rejected or taken back: it would have to be sent as a record of its own."""
        return bool(self.duplicate_of) and self.repeated_state in (states.REJECTED, states.WITHDRAWN)

    @property
    def created_as(self) -> str:
        return self.outcome.number if self.outcome and self.outcome.result == "created" else ""

    @property
    def amount(self) -> Money | None:
        return self.judged.rated.amount if self.judged and self.judged.rated else None

    @property
    def unit(self) -> str:
        chosen = str(self.line.draft.metric_id) if self.line else self.typed.get("metric")
        return next((m.unit for m in self.metrics if str(m.id) == chosen), self.metrics[0].unit if self.metrics else "")

    @property
    def comes_to(self) -> str:
        return figures.money_with_currency(self.amount)

    @property
    def month_after(self) -> str:
        """'October 2026 then holds 122.75 h, USD 19,369.84'"""
        if self.judged is None or self.judged.rated is None or self.judged.priced is None:
            return ""
        rated = self.judged.rated
        return _(
            "%(month)s then holds %(quantity)s\u00a0%(unit)s, %(amount)s",
            month=instants.month(self.judged.line.draft.month),
            quantity=figures.quantity(rated.after),
            unit=self.judged.priced.metric.unit,
            amount=figures.money_with_currency(Money(rated.cost_after, rated.amount.currency)),
        )

    @property
    def question(self) -> str:
        """Why the row is not ticked: what it looks like."""
        if self.lookalike is None:
            return ""
        earlier = self.lookalike.row
        facts = {
            "number": earlier.number,
            "quantity": figures.quantity(earlier.quantity),
            "month": instants.month(earlier.service_month),
            "when": instants.instant_text(earlier.submitted_at),
            "who": earlier.submitted_by_name,
        }
        if self.lookalike.is_set_up:
            return _(
                "A set-up was billed as %(number)s, sent %(when)s by %(who)s. Tick it if it was agreed again.", **facts
            )
        return _("Looks like %(number)s, sent %(when)s by %(who)s. Tick it if it is different work.", **facts)


Taking = Mapping[str, tuple[BillingMonth, ...]]


def taking_now() -> Taking:
    """Cut-off policy -> the months that take entries under it, the one that closes first at the front."""
    return dict(open_by_the_clock(clock.now()))


def months_of(engagement: Any, taking: Taking) -> tuple[BillingMonth, ...]:
    """Those of its cut-off in which the engagement was active."""
    since, until = engagement.active_from, engagement.ended_at
    return tuple(month for month in taking[engagement.cut_off] if since is not None and month.overlaps(since, until))


def entered(
    place: str,
    engagement: Any,
    metrics: Sequence[Metric],
    typed: Mapping[str, str],
    *,
    key: Callable[[Line], str],
    picked: str | None = None,
) -> Entered:
    """The row with the errors of its shape; with a line, keyed by `key`, where there are none."""
    row = Entered(place, engagement, metrics, typed, picked=picked)
    if engagement is None:
        row.errors["engagement"] = _("There is no such engagement.")
        return row
    shape = _Shape(MultiDict({name: typed.get(name, "") for name in ("month", "quantity", "notes")}))
    shape.validate()
    row.errors.update({name: str(errors[0]) for name, errors in shape.errors.items() if name})
    metric_id = _metric_id(typed.get("metric", ""), metrics)
    if metric_id is None:
        row.errors["metric"] = _("Choose one of the plan's metrics.")
    if row.errors or metric_id is None:
        return row
    draft = Draft(metric_id, shape.month.data, shape.quantity.data, shape.notes.data or "")
    line = Line("", engagement.id, draft)
    row.line = Line(key(line), engagement.id, draft)
    return row


def _metric_id(text: str, metrics: Sequence[Metric]) -> uuid.UUID | None:
    """By id, code or name. Nothing written: the plan's only one."""
    if not text.strip():
        return metrics[0].id if len(metrics) == 1 else None
    said = text.strip().casefold()
    found = [m for m in metrics if said in (str(m.id), m.code.casefold(), m.name.casefold())]
    return found[0].id if found else None


def preview_rows(rows: Sequence[Entered], *, by: Viewer) -> None:
    """Judge what has its shape, one row on top of the other; refusals become errors of their columns."""
    fine = [row for row in rows if row.line is not None]
    judged = preview_batch([row.line for row in fine if row.line], by=by)
    for row, one, earlier in zip(fine, judged, lookalikes(judged), strict=True):
        row.judged, row.lookalike = one, earlier
        _refuse(row, one.outcome)
    repeats = {row: row.judged.outcome.entry_id for row in fine if row.judged and row.duplicate_of}
    stand = states_of(entry_id for entry_id in repeats.values() if entry_id)
    for row, entry_id in repeats.items():
        row.repeated_state = stand.get(entry_id, "") if entry_id else ""


def submit_rows(rows: Sequence[Entered], *, every: bool = False, by: Viewer) -> None:
    """Send what is ready and ticked, or every ready row; repeats of what was sent before are told as duplicates.

    Rows are judged first, so that one which looks like an earlier entry is sent only with a tick that names that entry.
    """
    preview_rows(rows, by=by)
    wanted = [row for row in rows if row.is_ready and (every or (row.picked is not None and row.is_ticked))]
    for row, outcome in zip(wanted, submit_batch([row.line for row in wanted if row.line], by=by), strict=True):
        row.outcome = outcome
        _refuse(row, outcome)


def _refuse(row: Entered, outcome: Outcome) -> None:
    if outcome.result == "refused":
        row.errors[_COLUMN_OF.get(outcome.field, outcome.field)] = translate(outcome.sentence, outcome.facts)


def totals(rows: Sequence[Entered]) -> list[Money]:
    """What the ready rows come to, one amount a currency."""
    sums: dict[str, Money] = {}
    for row in rows:
        if row.is_ready and row.amount is not None:
            sums[row.amount.currency] = sums.get(row.amount.currency, Money.zero(row.amount.currency)) + row.amount
    return [sums[currency] for currency in sorted(sums)]
