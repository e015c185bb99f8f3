"""Passing a line of the inbox to a colleague who may decide it. It stays in both inboxes; whoever is first decides."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from app.foundation import clock, outbox
from app.foundation.database import transaction
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, viewing
from app.foundation.text import N_
from app.foundation.waiting import KINDS, Kind, Waiting
from app.members.colleagues import colleagues_of
from app.notices.model import Delegation

#: colleagues asked whether they may decide it
MOST_COLLEAGUES = 50
MOST_LINES = 200
NOTE_MOST = 500


@dataclass(frozen=True)
class Passed:
    """Who passed the line to whom last, and what they wrote."""

    from_id: uuid.UUID
    from_name: str
    to_id: uuid.UUID
    to_name: str
    note: str
    at: datetime


_OF_SUBJECTS = (
    select(
        Delegation.kind, Delegation.subject_id, Delegation.from_member_id, Delegation.from_name, Delegation.to_member_id,
        Delegation.to_name, Delegation.note, Delegation.at,
    )
    .where(Delegation.subject_id.in_(bindparam("ids", expanding=True)))
    .order_by(Delegation.at, Delegation.id)
)  # fmt: skip


def newest_of(subject_ids: Iterable[uuid.UUID]) -> dict[tuple[str, uuid.UUID], Passed]:
    """(kind, row) -> how it was passed on last within the viewer's organisation. One statement at most."""
    wanted = list(subject_ids)
    if not wanted:
        return {}
    rows = columns_of(_OF_SUBJECTS, {"ids": wanted})
    return {
        (row.kind, row.subject_id): Passed(
            row.from_member_id, row.from_name, row.to_member_id, row.to_name, row.note, row.at
        )
        for row in rows
    }


def who_may_decide(kind: Kind, row_id: uuid.UUID, *, by: Viewer) -> Sequence[Viewer]:
    """Colleagues, by name, for whom this very row waits as well: asked of the room as each of them."""
    found = []
    for colleague in colleagues_of(by, MOST_COLLEAGUES):
        with viewing(colleague):
            if any(one.id == row_id for one in kind.waiting_for(colleague, MOST_LINES)):
                found.append(colleague)
    return found


def pass_on(kind_name: str, row_id: uuid.UUID, to_id: uuid.UUID | None, *, note: str, by: Viewer) -> Delegation:
    """Pass a line that waits for the actor to a colleague for whom it waits too, with a note, and tell the colleague.

    NotVisible for a line that does not wait for the actor. Refused("to") for somebody who may not decide it.
    """
    kind = KINDS.get(kind_name)
    line = own_line(kind, row_id, by=by)
    note = note.strip()
    if len(note) > NOTE_MOST:
        raise Refused("note", N_("Keep the note below %(most)s characters."), most=NOTE_MOST)
    assert kind is not None and by.member_id is not None and by.organisation_id is not None
    colleague = next((one for one in who_may_decide(kind, row_id, by=by) if one.member_id == to_id), None)
    if colleague is None or colleague.member_id is None:
        raise Refused("to", N_("Choose a colleague who may decide it."))
    with transaction() as session:
        row = Delegation(
            organisation_id=by.organisation_id,
            kind=kind.name,
            subject_id=row_id,
            from_member_id=by.member_id,
            from_name=by.member_name,
            to_member_id=colleague.member_id,
            to_name=colleague.member_name,
            note=note,
            at=clock.now(),
        )
        session.add(row)
        told = {
            "colleague": by.member_name,
            "what": kind.label,
            "about": line.about,
            "sender": line.sender,
            "note": note,
            "where": line.path,
        }
        outbox.post(
            outbox.Notice("member", str(colleague.member_id), "delegated", told, organisation_id=by.organisation_id),
            subject_kind=kind.name,
            subject_id=row_id,
        )
    return row


def own_line(kind: Kind | None, row_id: uuid.UUID, *, by: Viewer) -> Waiting:
    """The line, if it waits for this member; else NotVisible."""
    if kind is None or by.member_id is None:
        raise NotVisible
    line = next((one for one in kind.waiting_for(by, MOST_LINES) if one.id == row_id), None)
    if line is None:
        raise NotVisible
    return line
