"""Whom a row of the outbox is for: its audience as it is now."""

import uuid
from collections.abc import Sequence

from app.foundation.outbox import OutboxRow
from app.members.queries import Recipient, recipient, recipients


def readers_of(row: OutboxRow) -> Sequence[Recipient]:
    """The members it is for; none for a bare address. ValueError for an audience there is not."""
    if row.audience == "address":
        return []
    if row.audience == "member":
        member = recipient(uuid.UUID(row.address))
        return [member] if member else []
    if row.audience == "organisation":
        return recipients(uuid.UUID(row.address), row.permission)
    raise ValueError(f"no audience {row.audience!r}")
