"""Values of a column that are made, not read: each declared once, for a row in Python and for the database to spell by itself.

    Column(_l("Status"), Words("state", STATES))                   the word for a state, in the viewer's language
    Column(_l("Tax"), Minor("tax_minor"))                          minor units as an amount of the row's currency
    Column(_l("Provisional amount"), LookedUp("id", amounts))      what is known beside the rows, of a few of them

Called with a row, they give the value; `spelled` gives SQL that writes into a CSV what csv_stream writes for that value.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, null

from app.documents.spelled import spelled_minor
from app.foundation.money import Money

#: name -> the select's column of that name
Named = Callable[[str], ColumnElement[Any]]
#: some text of ours -> as it must stand in a statement that makes cells; None: an empty one
Cell = Callable[[str], str | None]


@dataclass(frozen=True)
class Words:
    """`name`: a column of words of our own; `words`: word -> what people read, may be a lazy translation."""

    name: str
    words: Mapping[str, Any]

    def __call__(self, row: Any) -> str:
        return str(self.words[getattr(row, self.name)])

    def spelled(self, named: Named, cell: Cell) -> ColumnElement[Any]:
        return case({word: cell(str(text)) for word, text in self.words.items()}, value=named(self.name))


@dataclass(frozen=True)
class Minor:
    """`name`: a column of minor units, whose currency is in another one. Nothing where there is no amount."""

    name: str
    currency: str = "currency"

    def __call__(self, row: Any) -> Money | None:
        minor = getattr(row, self.name)
        return None if minor is None else Money.of_minor(minor, getattr(row, self.currency))

    def spelled(self, named: Named, cell: Cell) -> ColumnElement[Any]:
        return spelled_minor(named(self.name), named(self.currency))


@dataclass(frozen=True)
class LookedUp:
    """`amounts`: id -> amount of some hundred rows at most, each written into the statement. Nothing for all others."""

    name: str
    amounts: Mapping[uuid.UUID, Money | None]

    def __call__(self, row: Any) -> Money | None:
        return self.amounts.get(getattr(row, self.name))

    def spelled(self, named: Named, cell: Cell) -> ColumnElement[Any]:
        known = {row_id: f"{amount.amount:f}" for row_id, amount in self.amounts.items() if amount is not None}
        if not known:
            return null()
        row_id = named(self.name)
        return case((row_id.in_(known), case(known, value=row_id)))  # asked of each row: is it among them
