"""What must hold of engagements: they are where their history says, a wish to complete is open exactly while it waits, and
searches find them by the words they have."""

from sqlalchemy import func, select

from app.engagements import search_index, states
from app.engagements.model import CompletionRequest, Engagement
from app.foundation.database import db, streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        Check("engagements are in the state that history says", _states),
        Check("a completion request is open exactly while completion is requested", _requests),
        Check("the index of searches holds what engagements are called", _searches),
    ]


def _states() -> Verdicts:
    said = select(History.to_state).where(
        History.subject_kind == "engagement",
        History.subject_id == Engagement.id,
        History.about_id.is_(None),  # events of its billing entries name those
        History.to_state.is_not(None),
    )
    last = said.order_by(History.sequence.desc()).limit(1).scalar_subquery()
    rows = select(Engagement.number, Engagement.state, Engagement.active_from, Engagement.ended_at, last.label("said"))
    for row in streamed(rows):
        began = row.state in (*states.BILLABLE, states.COMPLETE, states.DELETED)
        ended = row.state in (states.COMPLETE, states.DELETED)
        if row.said is None:
            yield f"{row.number} is {row.state} and has no history"
        elif row.state != row.said:
            yield f"{row.number} is {row.state}, history says {row.said}"
        elif began != (row.active_from is not None) or ended != (row.ended_at is not None):
            yield f"{row.number} is {row.state}, active from {row.active_from} until {row.ended_at}"
        else:
            yield ""


def _requests() -> Verdicts:
    requests = select(func.count(CompletionRequest.id)).where(
        CompletionRequest.engagement_id == Engagement.id, CompletionRequest.state == states.OPEN
    )
    rows = select(Engagement.number, Engagement.state, requests.scalar_subquery().label("open"))
    for row in streamed(rows):
        wanted = int(row.state == states.COMPLETION_REQUESTED)
        yield "" if row.open == wanted else f"{row.number} is {row.state} and has {row.open} open completion requests"


def _searches() -> Verdicts:
    connection = db.session.connection()
    if not search_index.exists(connection):
        yield from ("" for _row in streamed(select(Engagement.id)))  # searches read along the list, and miss nothing
        return
    held = search_index.held(connection)
    rows = select(Engagement.number, search_index.is_held(held, Engagement).label("found"))
    for row in streamed(rows.outerjoin(held, held.c.row_id == Engagement.id)):
        yield "" if row.found else f"{row.number} is not in the index of searches by the name it has"
    gone = select(held.c.row_id).outerjoin(Engagement, Engagement.id == held.c.row_id).where(Engagement.id.is_(None))
    for row in streamed(gone):
        yield f"the index of searches holds {row.row_id}, which is no engagement"
