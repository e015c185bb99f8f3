"""Counts that cost the same however much there is: they end at a bound, and then say so, "500+".

few = bounded(select(Engagement.id).where(...))
Bounded(db.session.scalar(select(func.count()).select_from(few)))
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Subquery

from app.foundation.database import at_most

#: Nobody decides otherwise at 500 than at 501, and who has a thousand of something waits no longer than who has a million.
MOST = 500
#: In a list's row, since a page has fifty of them.
MOST_IN_A_ROW = 100


class Bounded(int):
    """A count that went no further than one beyond its most. As text it says so."""

    most = MOST

    @property
    def full(self) -> bool:
        return self > self.most

    def __str__(self) -> str:
        return f"{self.most:,}+" if self.full else int.__repr__(self)


class BoundedInARow(Bounded):
    most = MOST_IN_A_ROW


def together(counts: Iterable[Bounded]) -> str:
    """What they come to, as text."""
    every = list(counts)
    return (
        f"{sum(min(count, count.most) for count in every):,}+"
        if any(count.full for count in every)
        else str(sum(every))
    )


def bounded(found: Select[*tuple[Any, ...]], most: int = MOST) -> Subquery:
    """The first of them, one more than `most` at most, to be counted."""
    return found.limit(at_most(most + 1)).subquery()
