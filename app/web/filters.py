"""What a list can be filtered by: declared once, read from the address, shown in the filter bar.

    Search("q", _l("Search"))                                     text, at most 100 characters
    Choice("status", _l("Status"), {"pending": _l("Pending"), ...})   one of these; or a function that gives them
    Months("month", _l("Month"))                                  YYYY-MM -> BillingMonth; with `choices` a list to pick from
    Reference("client", _l("Client"), clients)                    a row's id -> UUID; `clients` a function: {id: name}, each id
                                                                  a UUID or its text. Without one they are read with the page:
                                                                  listing.with_page(page, client={...})

A value that none of them knows is ignored: an old bookmark shows the list, not an error. `options()` gives (value, words)
pairs for a select. A Reference answers for rows the viewer cannot see with the id alone: the query then finds nothing.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.named import Named
from app.web import instants
from app.web.languages import locale_name

Options = Mapping[Any, Any] | Callable[[], Mapping[Any, Any]]


@dataclass(frozen=True)
class Filter(ABC):
    """`name` is the parameter in the address and the keyword of the query; `label` what the bar calls it."""

    name: str
    label: Any = ""
    #: what the bar says while it is not set; empty: "all"
    unset: Any = field(default="", kw_only=True)
    #: False: it is set by links from elsewhere, and the bar has no menu for it
    offered: bool = field(default=True, kw_only=True)
    kind = "text"

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value of the parameter, or None where it has none."""

    def written(self, value: Any) -> str:
        """How the address spells it."""
        return str(value)

    def words(self, value: Any) -> str:
        """How the bar spells it."""
        return str(value)

    def options(self) -> Sequence[tuple[str, Any]]:
        return ()


@dataclass(frozen=True)
class Search(Filter):
    most: int = 100
    kind = "search"

    def read(self, text: str) -> str | None:
        return " ".join(text.split())[: self.most] or None


@dataclass(frozen=True)
class Choice(Filter):
    choices: Options = field(default_factory=dict)
    kind = "choice"

    def offering(self, choices: Mapping[Any, Any]) -> "Choice":
        return replace(self, choices=choices)

    def _choices(self) -> Mapping[Any, Any]:
        return self.choices() if callable(self.choices) else self.choices

    def read(self, text: str) -> str | None:
        return text if text in self._choices() else None

    def words(self, value: Any) -> str:
        return str(self._choices().get(value, value))

    def options(self) -> Sequence[tuple[str, Any]]:
        choices = self._choices()
        if isinstance(choices, Named):
            return choices.options
        return [(self.written(value), words) for value, words in choices.items()]


@dataclass(frozen=True)
class Months(Filter):
    choices: Callable[[], Sequence[BillingMonth]] | None = None
    kind = "month"

    def offering(self, months: Sequence[BillingMonth]) -> "Months":
        return replace(self, choices=lambda: months)

    def read(self, text: str) -> BillingMonth | None:
        try:
            return BillingMonth.parse(text)
        except ValueError:
            return None

    def words(self, value: BillingMonth) -> str:
        return instants.month(value)

    def options(self) -> Sequence[tuple[str, Any]]:
        return _named(tuple(self.choices()), locale_name()) if self.choices else ()


def recent_months(count: int) -> tuple[BillingMonth, ...]:
    """The present month and those before it, newest first."""
    return _until(BillingMonth.at(clock.now()), count)


@lru_cache(maxsize=100)
def _until(here: BillingMonth, count: int) -> tuple[BillingMonth, ...]:
    return tuple(here.shifted(-back) for back in range(count))


@lru_cache(maxsize=100)
def _named(months: tuple[BillingMonth, ...], _language: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(month), instants.month(month)) for month in months)


@dataclass(frozen=True)
class Reference(Choice):
    kind = "choice"

    def words(self, value: Any) -> str:
        named = self._choices()
        return str(named.get(value) or named.get(str(value), value))

    def read(self, text: str) -> Any:
        try:
            return uuid.UUID(text) if len(text) == 36 else None
        except ValueError:
            return None
