"""A column of a file: its head, and how a row gives its value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any


@dataclass(frozen=True)
class Column:
    """`label` may be a lazy translation; `value` names an attribute of the row, or makes the value of it.

    Values: text, int, Decimal, Money (its amount; the currency wants a column of its own), datetime (aware, written in UTC),
    BillingMonth, UUID, bool, None. A float is refused: it would not be exact.
    """

    label: Any
    value: str | Callable[[Any], Any]

    @property
    def read(self) -> Callable[[Any], Any]:
        return attrgetter(self.value) if isinstance(self.value, str) else self.value


def labels(columns: Sequence[Column]) -> list[str]:
    return [str(column.label) for column in columns]
