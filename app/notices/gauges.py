"""What the installation's owner watches about mail: (name, help, function giving the figure), for /metrics."""

from collections.abc import Callable

from sqlalchemy import func, select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow


def waiting() -> int:
    """Notices neither sent nor given up; grows while the mail server is away."""
    return (
        db.session.scalar(
            select(func.count(OutboxRow.id)).where(OutboxRow.sent_at.is_(None), OutboxRow.failed_at.is_(None))
        )
        or 0
    )


GAUGES: tuple[tuple[str, str, Callable[[], float]], ...] = (
    ("portal_outbox_waiting", "Notices waiting to be sent", waiting),
)
