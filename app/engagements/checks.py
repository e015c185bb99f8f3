"""What must hold of engagements: they are where their history says, and a wish to complete is open exactly while it waits."""

from sqlalchemy import func, select

from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.foundation.database import streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        Check("engagements are in the state that history says", _states),
        Check("a completion request is open exactly while completion is requested", _requests),
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
