"""Many billing entries at once: a grid, a file, an API call. The rules, rows and history of submitting one by one.

Each record once per organisation and key, for ever: the key stands with the entry. The same record again is a duplicate
and names the first entry; the same key for something else is refused. One bad line never stops the others. Everything
is read in bulk, judged line by line with what the lines before it add to their month, and written in bulk, in one
transaction that locks engagements, months and chains always in the same order.
"""

import dataclasses
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy.exc import IntegrityError

from app.billing import events, rules, states
from app.billing.actions import Draft, entry_for, open_metric, submitted_facts, takes_entries
from app.billing.batch_ground import Ground, OpenGroup, Spent, ground_of
from app.billing.model import BillingEntry
from app.billing.rating import terms_of
from app.billing.rules import Rated
from app.catalog.queries import PricedMetric
from app.foundation import bulk, history_in_bulk
from app.foundation.billing_month import BillingMonth
from app.foundation.chains import word
from app.foundation.database import transaction
from app.foundation.identity import new_ids
from app.foundation.numbers import next_numbers
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_

MOST_LINES = 1000
LONGEST_KEY = 200
#: batches that share keys on different engagements may meet; each try sees what the other wrote
TRIES = 3


@dataclass(frozen=True)
class Line:
    """One record. `key`: the sender's own id of it, 1 to 200 printable characters."""

    key: str
    engagement_id: uuid.UUID
    draft: Draft


@dataclass(frozen=True)
class Outcome:
    """What became of one line. Refused: `field`, `sentence` and `facts` say why, as Refused does."""

    key: str
    result: Literal["created", "duplicate", "refused"]
    entry_id: uuid.UUID | None = None
    number: str = ""
    field: str = ""
    sentence: str = ""
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


class Judged(NamedTuple):
    """One line against every rule. `outcome` without an entry's number: it is (or, in a preview, would be) created."""

    line: Line
    outcome: Outcome
    priced: PricedMetric | None = None
    rated: Rated | None = None
    #: its amount is above the programme's threshold, so a person will look at it
    waits_for_review: bool = False
    #: meaning_of() the line, once the line is created
    meaning: str = ""
    #: where it is rated, once it is created
    group: OpenGroup | None = None


class Made(NamedTuple):
    """An entry as History asks for it, without the unit of work around it."""

    id: uuid.UUID
    number: str
    engagement_id: uuid.UUID
    service_month: BillingMonth
    quantity: Decimal
    is_test: bool
    seller_id: uuid.UUID
    partner_id: uuid.UUID
    customer_id: uuid.UUID

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "engagement", self.engagement_id

    def history_parties(self) -> dict[str, uuid.UUID | None]:
        return {"seller_id": self.seller_id, "partner_id": self.partner_id, "customer_id": self.customer_id}


def submit_batch(lines: Sequence[Line], *, by: Viewer) -> list[Outcome]:
    """Submit every line that the rules allow; one outcome a line, in the same order. At most 1,000 lines.

    Refuses the whole only when there are more, and raises MissingRole; everything else is the line's own outcome.
    """
    _check_sender(lines, by)
    for _ in range(TRIES):
        try:
            with transaction() as session, session.begin_nested():
                return _submitted(lines, by)
        except IntegrityError as clash:
            # another batch spent one of these keys, on another engagement, since we looked: now it can be seen
            trouble = clash
    raise trouble


def preview_batch(lines: Sequence[Line], *, by: Viewer) -> list[Judged]:
    """What submit_batch would do with these lines now, and what each would be rated at. Writes nothing."""
    _check_sender(lines, by)
    return list(_judged(lines, ground_of(lines, by=by, hold=False)))


def meaning_of(line: Line) -> str:
    """A digest of what the record says, whatever its key: equal work reads equal."""
    draft = line.draft
    # the canonical JSON of a list of texts, spelled by hand in a quarter of the encoder's time; a property holds them equal
    said = f'["{line.engagement_id}","{draft.metric_id}","{draft.month}","{draft.quantity.normalize()}",{word(draft.notes.strip())}]'
    return hashlib.sha256(said.encode()).hexdigest()


def _check_sender(lines: Sequence[Line], by: Viewer) -> None:
    by.must(events.SUBMIT)
    if len(lines) > MOST_LINES:
        raise Refused("lines", N_("Send at most %(most)s records at once."), most=MOST_LINES)


def _submitted(lines: Sequence[Line], by: Viewer) -> list[Outcome]:
    ground = ground_of(lines, by=by, hold=True)
    judged = list(_judged(lines, ground))
    new = [one for one in judged if one.group]
    if not new:
        return [one.outcome for one in judged]
    rows, told, numbers = [], [], dict[uuid.UUID | None, str]()
    for one, number in zip(new, next_numbers("BE", len(new)), strict=True):
        group, row = _row(one, number, ground.now, by)
        rows.append(tuple(row.values()))
        made = Made._make(_MADE(row))
        told.append((made, submitted_facts(made, group.priced)))
        numbers[one.outcome.entry_id] = number
    with acting_for_all("entries of engagements that this viewer was shown, each its own partner's"):
        bulk.insert(BillingEntry, tuple(row), rows)
    history_in_bulk.record_many(told, events.SUBMITTED, by=by, at=ground.now, to_state=states.SUBMITTED)
    return [_numbered(one.outcome, numbers) for one in judged]


_MADE = itemgetter(*Made._fields)


def _row(one: Judged, number: str, now: datetime, by: Viewer) -> tuple[OpenGroup, dict[str, Any]]:
    """What the line's entry holds, always in one order."""
    group, draft = one.group, one.line.draft
    assert group is not None
    if not group.row:
        group.row = entry_for(group.engagement, group.programme, draft, group.priced, now, "", by=by)
    row = group.row | {
        "number": number, "quantity": draft.quantity, "notes": draft.notes.strip(), "id": one.outcome.entry_id,
        "record_key": one.line.key, "record_digest": one.meaning,
    }  # fmt: skip
    return group, row


def _numbered(outcome: Outcome, numbers: dict[uuid.UUID | None, str]) -> Outcome:
    """The same with its entry's number, which a duplicate within the batch lacks as well."""
    if outcome.number or outcome.entry_id not in numbers:
        return outcome
    return Outcome(outcome.key, outcome.result, outcome.entry_id, numbers[outcome.entry_id])


def _judged(lines: Sequence[Line], ground: Ground) -> Iterator[Judged]:
    """Line by line, each on top of what those before it add. Ids rise with the lines, as the order of rating wants."""
    for line, entry_id in zip(lines, new_ids(len(lines)), strict=True):
        try:
            _check_shape(line)
            meaning = meaning_of(line)
            first = ground.spent.get(line.key)
            if first is not None:
                if first.digest != meaning:
                    raise Refused(
                        "key",
                        N_("This record was sent before and said something else; give a changed record a new key."),
                    )
                yield Judged(line, Outcome(line.key, "duplicate", first.entry_id, first.number))
                continue
            group, rated = _rated(line, ground)
        except Refused as refused:
            yield Judged(line, _refused(line, refused))
        else:
            ground.spent[line.key] = Spent(meaning, entry_id, "")
            looked_at = rules.needs_review(rated.amount, group.threshold)
            yield Judged(line, Outcome(line.key, "created", entry_id), group.priced, rated, looked_at, meaning, group)


def _check_shape(line: Line) -> None:
    """What must hold before a record can even be compared with an earlier one."""
    if not 0 < len(line.key) <= LONGEST_KEY or not line.key.isprintable():
        raise Refused("key", N_("Give each record a key of 1 to %(most)s printable characters."), most=LONGEST_KEY)
    if not line.draft.quantity.is_finite():
        raise Refused("quantity", N_("Enter a quantity greater than 0."))
    rules.check_notes(line.draft.notes)


def _rated(line: Line, ground: Ground) -> tuple[OpenGroup, Rated]:
    """As actions.checked() has it; what is the same for every line of a group is asked of its first."""
    draft = line.draft
    place = (line.engagement_id, draft.metric_id, draft.month)
    group = ground.open.get(place) or _opened(place, ground)
    rules.check_quantity(draft.quantity, group.step)
    rated = rules.rate(group.terms, group.reached, draft.quantity, costs_before=group.costs)
    group.reached, group.costs = rated.after, rated.cost_after
    return group, rated


def _opened(place: tuple[uuid.UUID, uuid.UUID, BillingMonth], ground: Ground) -> OpenGroup:
    engagement_id, metric_id, month = place
    engagement = ground.engagements.get(engagement_id)
    if engagement is None:
        raise Refused("engagement", N_("There is no such engagement."))
    if not takes_entries(engagement):
        raise Refused("engagement", N_("The engagement takes no billing entries in its present state."))
    programme, prices = ground.programmes[engagement.product_id], ground.prices[engagement.plan_id]
    row = ground.months.get((programme.cut_off, month))
    priced = open_metric(engagement, programme, metric_id, month, ground.now, prices, row)
    reached = ground.reached[engagement_id].get((metric_id, month), Decimal(0))
    group = OpenGroup(
        engagement, programme, priced, terms_of(priced), priced.metric.step, programme.review_threshold, reached
    )
    ground.open[place] = group
    return group


def _refused(line: Line, refused: Refused) -> Outcome:
    return Outcome(line.key, "refused", field=refused.field, sentence=refused.sentence, facts=refused.facts)
