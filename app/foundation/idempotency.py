"""Idempotent submits: a rendered form carries a key, and the key does its work once per organisation.

A repeat with the same body gives back the first result; a repeat with another body is refused. A refused form leaves the
key unspent, so that what was corrected can be sent with it.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, Uuid, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, Row, canonical_json, db, transaction
from app.foundation.refusals import KeyReused
from app.foundation.tenancy import Tenanted, Viewer, acting_for_all


class Submission(Row, Tenanted, Base):
    """One spent key. System only: the key itself is the proof that the sender rendered the form."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("organisation_id", "key"),)

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    key: Mapped[str] = mapped_column(String(80))
    #: SHA-256 of the canonical body
    digest: Mapped[str] = mapped_column(String(64))
    #: the row that the first submit made or changed
    result_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: what was answered, where that is more than one row
    answer: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant, index=True)


def once(key: str, body: Mapping[str, Any], do: Callable[[], Any], *, by: Viewer) -> tuple[uuid.UUID, bool]:
    """Do it, unless this key has already done it. Returns (id of the resulting row, whether it was done just now).

    `do` returns a row with an id. KeyReused when the key was spent on another body. Whatever `do` raises leaves the key
    unspent: key and effect commit together.
    """
    digest = _digest(body)
    try:
        with transaction() as session:
            first = _spent(key, by)
            if first is not None:
                return _same(first, digest), False
            spent = Submission(organisation_id=by.organisation_id, key=key, digest=digest, at=clock.now())
            session.add(spent)
            session.flush()
            spent.result_id = do().id
            return spent.result_id, True
    except IntegrityError:
        first = _spent(key, by)  # the other half of a double click committed while we waited for its key
        if first is None:
            raise
        return _same(first, digest), False


def outside_key(key: str) -> str:
    """A key that a program chose, as it is kept: of any length, and never the same as a form's."""
    return f"api:{hashlib.sha256(key.encode()).hexdigest()}"


def claim(key: str, body: Mapping[str, Any], *, by: Viewer) -> str | None:
    """Take the key for this body before the work is begun. Returns what was answered when it was first used; None: work.

    KeyReused when it came with another body, even if that one is still being worked at: of two bodies one does nothing.
    For work whose parts are done once by keys of their own: who comes second with the same body, or after one that died at
    work, finds done what was done.
    """
    try:
        with transaction() as session:
            first = _spent(key, by)
            if first is None:
                session.add(
                    Submission(organisation_id=by.organisation_id, key=key, digest=_digest(body), at=clock.now())
                )
                session.flush()
    except IntegrityError:
        first = _spent(key, by)  # the other one committed while we waited for its key
    if first is None:
        return None
    if first.digest != _digest(body) or first.result_id is not None:
        raise KeyReused
    return first.answer


def keep_answer(key: str, answer: str, *, by: Viewer) -> str:
    """Keep what is answered to a claimed key; gives back what counts, which is what was kept first."""
    with transaction() as session, acting_for_all("look up a submission key"):
        mine = (Submission.organisation_id == by.organisation_id, Submission.key == key)
        session.execute(
            update(Submission)
            .where(*mine, Submission.answer.is_(None))
            .values(answer=answer)
            .execution_options(synchronize_session=False)
        )
        return session.scalar(select(Submission.answer).where(*mine)) or answer


def release(key: str, *, by: Viewer) -> None:
    """The work was refused as a whole: the key is unspent again, so that what was corrected can be sent with it."""
    with transaction() as session, acting_for_all("look up a submission key"):
        session.execute(
            delete(Submission)
            .where(Submission.organisation_id == by.organisation_id, Submission.key == key, Submission.answer.is_(None))
            .execution_options(synchronize_session=False)
        )


def forget(before: datetime, *, limit: int = 1000) -> int:
    """Delete at most `limit` keys spent before that instant; returns how many. A form that old is not sent again."""
    with transaction() as session, acting_for_all("old submission keys are of no use"):
        old = select(Submission.id).where(Submission.at < before).order_by(Submission.at).limit(limit)
        gone: Any = session.execute(
            delete(Submission).where(Submission.id.in_(old)).execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def _spent(key: str, by: Viewer) -> Submission | None:
    with acting_for_all("look up a submission key"):
        return db.session.scalar(
            select(Submission).where(Submission.organisation_id == by.organisation_id, Submission.key == key)
        )


def _same(first: Submission, digest: str) -> uuid.UUID:
    if first.digest != digest or first.result_id is None:
        raise KeyReused
    return first.result_id
