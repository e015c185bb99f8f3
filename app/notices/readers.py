"""Whom a row of the outbox is for: its audience as it is now."""

import uuid
from collections.abc import Sequence

from app.foundation.outbox import OutboxRow
from app.members.queries import Recipient, recipient, recipients
from app.notices.types import is_about_account


def readers_of(row: OutboxRow) -> Sequence[Recipient]:
    """The members it is for; none for a bare address. ValueError for an audience there is not.

    What is told on an organisation's behalf is told nobody who has left it, or whom it lets act for nothing any more.
    """
    if row.audience == "address":
        return []
    if row.audience == "member":
        member_id = uuid.UUID(row.address)
        if row.organisation_id is not None and not is_about_account(row.facts, row.subject_kind):
            return recipients(row.organisation_id, row.permission, member_id=member_id)
        member = recipient(member_id)
        return [member] if member else []
    if row.audience == "organisation":
        return recipients(uuid.UUID(row.address), row.permission)
    raise ValueError(f"no audience {row.audience!r}")
