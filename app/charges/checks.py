"""What must hold of the charge book by itself. That it agrees with its sources, each source's room checks."""

from sqlalchemy import func, select

from app.charges.model import ChargeLine
from app.foundation.database import streamed
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        Check("amounts of a charge line go together", _amounts),
        Check("no source is charged twice", _twice),
    ]


def _amounts() -> Verdicts:
    """Due is a share of the gross, and tax comes on top of it: neither has the other sign, nor is due beyond the gross."""
    lines = select(
        ChargeLine.id,
        ChargeLine.gross_minor,
        ChargeLine.due_minor,
        ChargeLine.tax_minor,
        ChargeLine.service_month,
        ChargeLine.booked_month,
    )
    for line in streamed(lines):
        if line.gross_minor * line.due_minor < 0 or abs(line.due_minor) > abs(line.gross_minor):
            yield f"charge line {line.id}: due {line.due_minor} does not go with gross {line.gross_minor}"
        elif line.gross_minor * line.tax_minor < 0:
            yield f"charge line {line.id}: tax {line.tax_minor} does not go with gross {line.gross_minor}"
        elif line.booked_month < line.service_month:
            yield f"charge line {line.id}: booked in {line.booked_month}, before its service month {line.service_month}"
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
