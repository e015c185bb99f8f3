"""A share of work that several machines do at once: the rows whose id of reference falls into it.

The last hexadecimal digit of an id is random, so shares are even, and the same row is in the same share everywhere. What must
stay in one order, as the ratings of one engagement, is shared out by the id that it has in common.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, or_, true

_DIGITS = "0123456789abcdef"


@dataclass(frozen=True)
class Share:
    """Number 0 to `of` - 1; `of` divides 16, so that all are of one size."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if self.of not in (1, 2, 4, 8, 16) or not 0 <= self.number < self.of:
            raise ValueError(f"there is no share {self.number} of {self.of}")

    def has(self, column: ColumnElement[uuid.UUID] | Any) -> ColumnElement[bool]:
        """Whether the row with this id belongs to it, for a WHERE."""
        if self.of == 1:
            return true()
        mine = [digit for digit in _DIGITS if int(digit, 16) % self.of == self.number]
        return or_(*(cast(column, String).endswith(digit) for digit in mine))


#: all of it
WHOLE = Share(0, 1)


def share_of(row_id: uuid.UUID, of: int) -> int:
    """The number of the share that this id falls into."""
    return int(row_id.hex[-1], 16) % of
