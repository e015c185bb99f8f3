"""What a history row's hash is over, and how a chain grows row by row. No database, no entity: light values in, rows out.

The hash is the SHA-256 of one JSON list of all that the row says and the hash before it. The list is spelled by hand, which
costs a third of what a JSON encoder takes; a property test holds it equal to canonical_json of the same list.
"""

import hashlib
import uuid
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

GENESIS = "0" * 64

#: what a row of a chain holds, in the order in which Chain.grow gives it; the database counts the id
COLUMNS = (
    "subject_kind", "subject_id", "sequence", "event", "at", "by_member_id", "by_label", "from_state", "to_state",
    "about_id", "facts", "seller_id", "partner_id", "customer_id", "previous_hash", "hash",
)  # fmt: skip


def word(text: str | None) -> str:
    """A text or nothing, as JSON spells it."""
    return "null" if text is None else encode_basestring(text)


@lru_cache(1024)
def id_word(value: uuid.UUID | str | None) -> str:
    """An id, or nothing. As text it may come without dashes, as SQLite keeps it. The same few come again and again."""
    if isinstance(value, str) and len(value) == 32:
        value = f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
    return word(None if value is None else str(value))


def digest(row: Any) -> str:
    """The hash of a history row: everything it says, and the hash before it. `row`: an entity, or a light row with ids as text."""
    return _hash(
        f"[{word(row.subject_kind)},{id_word(row.subject_id)},", row.sequence, row.event, row.at, row.by_member_id,
        row.by_label, row.from_state, row.to_state, row.about_id, row.facts,
        _end(row.seller_id, row.partner_id, row.customer_id), row.previous_hash,
    )  # fmt: skip


class Chain:
    """One subject's chain while it grows, from its beginning or from `length` and `hash` of its head."""

    __slots__ = ("_beginning", "_end", "hash", "kind", "length", "parties", "subject_id")

    def __init__(
        self,
        kind: str,
        subject_id: uuid.UUID,
        *,
        seller_id: uuid.UUID | None = None,
        partner_id: uuid.UUID | None = None,
        customer_id: uuid.UUID | None = None,
        length: int = 0,
        hash: str = GENESIS,
    ) -> None:
        self.kind, self.subject_id, self.length, self.hash = kind, subject_id, length, hash
        self.parties = (seller_id, partner_id, customer_id)
        self._beginning, self._end = f"[{word(kind)},{id_word(subject_id)},", _end(*self.parties)

    def goes_on_for(
        self,
        seller_id: uuid.UUID | None = None,
        partner_id: uuid.UUID | None = None,
        customer_id: uuid.UUID | None = None,
    ) -> "Chain":
        """The same chain, whose next rows are these parties'."""
        return Chain(
            self.kind,
            self.subject_id,
            seller_id=seller_id,
            partner_id=partner_id,
            customer_id=customer_id,
            length=self.length,
            hash=self.hash,
        )

    def grow(
        self,
        event: str,
        at: datetime,
        by_member_id: uuid.UUID | None,
        by_label: str,
        from_state: str | None,
        to_state: str | None,
        about_id: uuid.UUID | None,
        facts: str,
    ) -> tuple[Any, ...]:
        """The next row, in the order of COLUMNS; the chain then ends with it. `facts`: canonical JSON; `at` in UTC."""
        self.length += 1
        before = self.hash
        self.hash = _hash(
            self._beginning, self.length, event, at, by_member_id, by_label, from_state, to_state, about_id, facts,
            self._end, before,
        )  # fmt: skip
        return (
            self.kind, self.subject_id, self.length, event, at, by_member_id, by_label, from_state, to_state, about_id,
            facts, *self.parties, before, self.hash,
        )  # fmt: skip


def _end(seller_id: Any, partner_id: Any, customer_id: Any) -> str:
    return f",{id_word(seller_id)},{id_word(partner_id)},{id_word(customer_id)}"


def _hash(
    beginning: str,
    sequence: int,
    event: str,
    at: datetime,
    by_member_id: Any,
    by_label: str,
    from_state: str | None,
    to_state: str | None,
    about_id: Any,
    facts: str,
    end: str,
    previous_hash: str,
) -> str:
    happened = _happened(event, at, by_member_id, by_label, from_state, to_state)
    about = "null" if about_id is None else f'"{about_id}"' if isinstance(about_id, uuid.UUID) else id_word(about_id)
    content = f"{beginning}{sequence},{happened},{about},{word(facts)}{end},{word(previous_hash)}]"
    return hashlib.sha256(content.encode()).hexdigest()


@lru_cache(64)
def _happened(
    event: str, at: datetime, by_member_id: Any, by_label: str, from_state: str | None, to_state: str | None
) -> str:
    """What many rows that are written together have in common."""
    return (
        f"{word(event)},{word(at.isoformat(timespec='microseconds'))},{id_word(by_member_id)},"
        f"{word(by_label)},{word(from_state)},{word(to_state)}"
    )
