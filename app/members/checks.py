"""What must hold of members: invitations are as their history says."""

from sqlalchemy import exists, select

from app.foundation.database import streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts
from app.members import states
from app.members.model import Invitation, Member


def checks() -> list[Check]:
    return [Check("invitations are as their history says, and who accepted has an account", _invitations)]


def _invitations() -> Verdicts:
    said = (
        select(History.to_state)
        .where(
            History.subject_kind == "organisation",
            History.subject_id == Invitation.organisation_id,
            History.about_id == Invitation.id,
            History.to_state.is_not(None),
        )
        .order_by(History.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    account = exists(select(Member.id).where(Member.email == Invitation.email))
    for row in streamed(select(Invitation.id, Invitation.state, said.label("said"), account.label("account"))):
        if row.state != (row.said or states.OPEN):
            yield f"invitation {row.id} is {row.state}, history says {row.said or states.OPEN}"
        elif row.state == states.ACCEPTED and not row.account:
            yield f"invitation {row.id} is accepted by nobody who has an account"
        else:
            yield ""
