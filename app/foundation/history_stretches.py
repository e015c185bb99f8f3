"""History cut into stretches of events with neighbouring ids, and how each of them was found when it was last read.

A stretch keeps how many events it has and one digest over their ids and hashes. So an event that is changed, taken away or slipped
in shows there, even where its chain was forged anew from end to end, or is gone with its end. The record is sealed with a key derived
from SECRET_KEY, which the database does not hold: whoever writes into it can change a record, and cannot make it look right.
"""

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    String,
    delete,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, db, transaction
from app.foundation.tenancy import Capacity, Tenanted

_WRONG = text("wrong > 0")
_secret_key = ""


class HistoryStretch(Tenanted, Base):
    """The events whose ids lie above `after_id` and up to `last_id`."""

    __tablename__ = "history_stretch"
    __table_args__ = (
        Index("ix_history_stretch_read_at", "read_at", "number"),
        Index("ix_history_stretch_wrong", "number", sqlite_where=_WRONG, postgresql_where=_WRONG),
    )

    #: 1, 2, 3 ... from the oldest events on; each begins where the one before it ends
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    after_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    #: how many there were when all of them held for the first time, and the digest over them; "" as long as they never did
    events: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    #: when every event of it was last read and verified
    read_at: Mapped[datetime] = mapped_column(Instant)
    #: what did not hold then: such a stretch is read again in every run, until it holds
    wrong: Mapped[int] = mapped_column(Integer)
    #: which key the seal is made with, and the seal over all of the above
    key_mark: Mapped[str] = mapped_column(String(16))
    seal: Mapped[str] = mapped_column(String(64))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """When history was read is the operator's to see, that something is wrong everybody's; it names no tenant."""
        return true() if capacity == "operator" else cls.wrong > literal_column("0")


def follow(secret_key: str) -> None:
    """Seal with a key derived from this one from now on; said once, where the application starts."""
    global _secret_key
    _secret_key = secret_key


@lru_cache(4)
def _derived(secret_key: str, purpose: str) -> bytes:
    if not secret_key:
        raise RuntimeError("history_stretches.follow(SECRET_KEY) comes first")
    return hmac.new(secret_key.encode(), f"partner-portal history {purpose}".encode(), hashlib.sha256).digest()


def key_mark() -> str:
    """Names the key and tells nothing of it."""
    return _derived(_secret_key, "mark").hex()[:16]


def seal_of(stretch: Any) -> str:
    """Over everything that a record says. `stretch`: a HistoryStretch, or a light row of it."""
    said = (
        f"{stretch.number} {stretch.after_id} {stretch.last_id} {stretch.events} {stretch.digest} "
        f"{stretch.read_at.isoformat(timespec='microseconds')} {stretch.wrong}"
    )
    return hmac.new(_derived(_secret_key, "seal"), said.encode(), hashlib.sha256).hexdigest()


def is_foreign(stretch: Any) -> bool:
    """Sealed under another SECRET_KEY: what its seal is worth cannot be told."""
    return bool(stretch.key_mark != key_mark())


def is_sealed(stretch: Any) -> bool:
    return hmac.compare_digest(stretch.seal, seal_of(stretch))


def read_since() -> datetime | None:
    """Every event that is in a stretch was read at this moment or later. None: there is no stretch yet."""
    return db.session.scalar(select(func.min(HistoryStretch.read_at)))


def forget() -> int:
    """All records, so that the next runs read and seal everything anew. Returns how many there were."""
    with transaction() as session:
        return int(session.execute(delete(HistoryStretch)).rowcount)  # type: ignore[attr-defined]
