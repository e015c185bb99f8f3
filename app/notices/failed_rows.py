"""Mail that a server put off or refused: tried again at once, or given up, by a person of the operator's.

The operator reads to whom a notice goes, which one it is and why it waits; never what it says.
"""

import uuid
from typing import Any

from jinja2 import UndefinedError
from sqlalchemy import Select, Uuid, case, cast, func, select

from app.foundation import clock, history
from app.foundation.database import transaction
from app.foundation.failed_rows import RETRY, FailedKind
from app.foundation.outbox import OutboxRow, tried_in_vain
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members.model import Member
from app.notices import events
from app.notices.actions import forget_link
from app.notices.addresses import mail_again
from app.notices.bodies import render
from app.notices.failed_tally import that_failed
from app.notices.readers import readers_of
from app.parties.model import Organisation


def failed_notices() -> Select[*tuple[Any, ...]]:
    """Notices that were tried in vain, or given up, and not sent."""
    return unsent().where(tried_in_vain())


def unsent() -> Select[*tuple[Any, ...]]:
    """Everything that waits to be mailed or was given up; read as the system, see KINDS."""
    found = select(
        OutboxRow.id,
        OutboxRow.created_at,
        func.replace(OutboxRow.template, "_", " ").label("about"),
        func.coalesce(Organisation.name, Member.name, OutboxRow.address).label("party"),
        OutboxRow.created_at.label("since"),
        OutboxRow.last_error.label("reason"),
        OutboxRow.tries,
        case((OutboxRow.failed_at.is_(None), OutboxRow.due_at)).label("next_try_at"),
        OutboxRow.failed_at,
    ).where(OutboxRow.sent_at.is_(None))
    for model, audience in ((Organisation, "organisation"), (Member, "member")):
        # both databases read an id without dashes; an e-mail address is never taken for one
        named = cast(func.replace(case((OutboxRow.audience == audience, OutboxRow.address)), "-", ""), Uuid)
        found = found.outerjoin(model, model.id == named)
    return found


def retry_notice(notice_id: uuid.UUID, /, *, by: Viewer) -> OutboxRow:
    """Due at once, given up or not. Refuses a notice whose link was forgotten when it was given up.

    Addresses that were refused since it was written are mailed again, this notice first: who presses it says that they may
    work by now, and the next refusal marks them anew. One that is being sent at this very moment may be sent twice, under the same Message-ID.
    """
    by.must(RETRY)
    with transaction(), acting_for_all("the operator watches mail on its way"):
        row = one(OutboxRow, notice_id, lock=True)
        if row.sent_at is not None:
            raise AlreadyDone("sent", "retry")
        if row.failed_at is not None and not _can_be_said(row):
            raise Refused(
                "row",
                N_("The link in this mail was forgotten when it was given up; who needs it asks for a new one."),
            )
        if row.failed_at is not None:
            mail_again(_emails(row), refused_since=row.created_at)
        row.due_at, row.failed_at = clock.now(), None
        history.record(row, events.RETRIED, by=by)
    return row


def give_up_notice(notice_id: uuid.UUID, /, *, by: Viewer) -> OutboxRow:
    """Never try it again. AlreadyDone for a notice that is sent or given up."""
    by.must(RETRY)
    with transaction(), acting_for_all("the operator watches mail on its way"):
        row = one(OutboxRow, notice_id, lock=True)
        if row.sent_at is not None or row.failed_at is not None:
            raise AlreadyDone("sent" if row.sent_at else "given up", "give-up")
        row.failed_at = clock.now()
        row.last_error = "; ".join(filter(None, (f"given up by {by.label}", row.last_error)))[:1000]
        forget_link(row)
        history.record(row, events.GIVEN_UP, by=by)
    return row


def _emails(row: OutboxRow) -> list[str]:
    return [row.address] if row.audience == "address" else [reader.email for reader in readers_of(row)]


def _can_be_said(row: OutboxRow) -> bool:
    try:
        render(row.template, row.facts, portal_name="portal", portal_url="http://localhost")
    except UndefinedError:
        return False
    return True


KINDS = (
    FailedKind(
        "mail",
        N_("Mail not sent"),
        "email",
        failed_notices,
        (OutboxRow.created_at, OutboxRow.id),
        retry=retry_notice,
        give_up=give_up_notice,
        system_because="the operator watches mail on its way",
        tally=that_failed,
        give_up_words=N_("It is not tried again, and nobody is told what it says. What it reports stays as it is."),
    ),
)
