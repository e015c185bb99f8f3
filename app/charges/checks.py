"""What must hold of the charge book by itself. That it agrees with its sources, each source's room checks."""

import uuid
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from sqlalchemy import Uuid, func, literal, select

from app.charges.model import NO_PROGRAMME, ChargeLine, ChargeMonth, ProgrammeMonth
from app.foundation.database import as_text, streamed
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        Check("amounts of a charge line go together", _amounts),
        Check("no source is charged twice", _twice),
        Check("month sums are what their lines come to", _sums),
        Check("programmes' month sums are what their lines come to", _sums_of_programmes),
    ]


def _amounts() -> Verdicts:
    """Due is a share of the gross, and tax comes on top of it: neither has the other sign, nor is due beyond the gross."""
    lines = select(
        as_text(ChargeLine.id).label("id"),
        ChargeLine.gross_minor,
        ChargeLine.due_minor,
        ChargeLine.tax_minor,
        ChargeLine.service_month,
        ChargeLine.booked_month,
    )
    for line in streamed(lines):
        if line.gross_minor * line.due_minor < 0 or abs(line.due_minor) > abs(line.gross_minor):
            yield f"charge line {uuid.UUID(line.id)}: due {line.due_minor} does not go with gross {line.gross_minor}"
        elif line.gross_minor * line.tax_minor < 0:
            yield f"charge line {uuid.UUID(line.id)}: tax {line.tax_minor} does not go with gross {line.gross_minor}"
        elif line.booked_month < line.service_month:
            yield f"charge line {uuid.UUID(line.id)}: booked in {line.booked_month}, before its service month {line.service_month}"
        else:
            yield ""


def _twice() -> Verdicts:
    lines = func.count(ChargeLine.id)
    repeated = (
        select(ChargeLine.source_kind, ChargeLine.source_id, lines)
        .group_by(ChargeLine.source_kind, ChargeLine.source_id)
        .having(lines > 1)
    )
    for kind, source_id, count in streamed(repeated):
        yield f"{kind} {source_id} has {count} charge lines"


def _sums() -> Verdicts:
    return _compared(ChargeMonth, ("seller_id", "booked_month", "partner_id", "customer_id", "currency", "is_test"))


def _sums_of_programmes() -> Verdicts:
    parties = ("booked_month", "programme_id", "partner_id", "seller_id", "currency", "is_test")
    return _compared(ProgrammeMonth, parties)


def _compared(model: Any, parties: tuple[str, ...]) -> Verdicts:
    """Both sides ordered by the same key and walked together, in flat memory."""
    sums = ("gross_minor", "due_minor", "tax_minor")
    keys = [getattr(ChargeLine, name) for name in parties]
    if model is ProgrammeMonth:
        keys[parties.index("programme_id")] = func.coalesce(ChargeLine.programme_id, literal(NO_PROGRAMME, Uuid()))
    of_lines = select(
        *keys, *(func.sum(getattr(ChargeLine, name)).label(name) for name in sums), func.count().label("lines")
    )
    kept = select(*(getattr(model, name) for name in (*parties, *sums, "lines")))
    both = (
        streamed(of_lines.group_by(*keys).order_by(*keys)),
        streamed(kept.order_by(*(getattr(model, name) for name in parties))),
    )
    for lines, sum_ in zip_longest(*both):
        if lines is None or sum_ is None or tuple(map(_plain, lines)) != tuple(map(_plain, sum_)):
            shown = lines or sum_
            assert shown is not None
            yield f"month {shown.booked_month} of partner {shown.partner_id}: the sums kept are not what its lines come to"
            if lines is None or sum_ is None or tuple(lines[:6]) != tuple(sum_[:6]):
                return  # out of step: what follows would all be wrong
        else:
            yield ""


def _plain(value: Any) -> Any:
    """A sum is a Decimal on one database and an int on the other."""
    return int(value) if isinstance(value, Decimal) else value
