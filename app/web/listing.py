"""A list screen: its filters, order, paging and export, all in the address, so that a list can be bookmarked and shared.

    LIST = ListOf(
        Search("search", _l("Search")), Choice("state", _l("Status"), STATES), Months("month", _l("Month")),
        sorts={"newest": _l("Newest first"), "name": _l("Name")},
    )

    @screen.get("/engagements")
    @screen.get("/engagements.<any(csv, xlsx):kind>")
    @needs("engagement:view")
    def show_list(kind: str = "") -> Response:
        listing = LIST.read()
        if kind:
            return download(kind, "engagements", COLUMNS, queries.every_engagement(**listing.values))
        page = queries.engagements(**listing.values, after=listing.after, before=listing.before)
        return show("engagements/list.html", block="list", listing=listing.with_page(page))

`values` has one keyword a filter, None where it is not set, so the query says `def engagements(*, search, state, month)`.
In the template, above the table and below it:

    {% call ui.filter_bar(_("Search"), listing.path, "search", listing.text.search, listing.keep("search"), listing.active) %}
      {% for m in listing.menus_offered %}{{ ui.filter_of(m) }}{% endfor %}
      {{ ui.export_menu(listing.csv, listing.xlsx) }}
    {% endcall %}
    {{ ui.pager(listing.previous, listing.next, "") }}

The bar keeps the member's saved views of the list as well, without any work (foundation/saved_views.py).
Also `listing.page.rows`, `listing.is_filtered`, `listing.clear_all`, `listing.link(state="active")`, `listing.sort`, `listing.sorts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

from flask import request

from app.foundation.pages import Page
from app.foundation.saved_views import without_place
from app.web.filters import Choice, Filter, Months
from app.web.languages import words_of as _

#: Longer cursors were not made by us.
_LONGEST_CURSOR = 600


class Active(NamedTuple):
    """One filter that is set: "Month: October 2026", and the address without it."""

    name: str
    label: str
    clear: str


class Option(NamedTuple):
    label: Any
    path: str
    current: bool


class Menu(NamedTuple):
    """One filter as a menu of links: "Status: all" and what it may be. Plain text, by which ui.filter_of keeps it."""

    id: str
    label: str
    #: its first line, which sets none: words and address
    unset: str
    without: str
    #: the address of any other line, but for its value
    begin: str
    #: the value in force
    here: str
    #: (value, words) of every other line
    choices: tuple[tuple[str, str], ...]

    @property
    def options(self) -> list[Option]:
        lines = [Option(words, self.begin + quote_plus(value), value == self.here) for value, words in self.choices]
        return [Option(self.unset, self.without, not self.here), *lines]


class Sort(NamedTuple):
    key: str
    label: Any
    link: str
    current: bool


@dataclass(frozen=True)
class Listing:
    path: str
    filters: tuple[Filter, ...]
    #: what the query takes: one typed value or None a filter
    values: dict[str, Any]
    #: one of the declared orders, or "" where there is only one
    sort: str = ""
    after: str | None = None
    before: str | None = None
    page: Page | None = None
    order: Mapping[str, Any] = field(default_factory=dict)

    def with_page(self, page: Page, **known: Any) -> "Listing":
        """`known`: what may be chosen, of filters where that is read with the page."""
        if not known:
            return replace(self, page=page)
        offering: Any = (
            f.offering(known[f.name]) if isinstance(f, Choice | Months) and f.name in known else f for f in self.filters
        )
        return replace(self, page=page, filters=tuple(offering))

    def link(self, **changes: Any) -> str:
        """This list with these filters changed (None clears one); it begins at its first page again."""
        return self._address(self.path, changes)

    @cached_property
    def text(self) -> dict[str, str]:
        """Every filter's value as the address and the form field spell it; "" where it is not set."""
        return {f.name: "" if self.values[f.name] is None else f.written(self.values[f.name]) for f in self.filters}

    @cached_property
    def active(self) -> list[Active]:
        return [
            Active(f.name, self._said(f), self.link(**{f.name: None}))
            for f in self.filters
            if self.values[f.name] is not None
        ]

    @cached_property
    def menus(self) -> tuple[Menu, ...]:
        """The filters that have options, for ui.filter_of; "all" stands first."""
        return tuple([menu for f in self.filters if (menu := self._menu(f))])

    @cached_property
    def menus_offered(self) -> tuple[Menu, ...]:
        """Those of filters that are not in force, for ui.filters_of: the others stand in the bar already, to be cleared."""
        offered = (f for f in self.filters if self.values[f.name] is None and f.offered)
        return tuple([menu for f in offered if (menu := self._menu(f))])

    def _menu(self, f: Filter) -> Menu | None:
        offered = f.options()
        choices = offered if type(offered) is tuple else tuple((value, str(words)) for value, words in offered)
        if not choices:
            return None
        here, without = self.text[f.name], self.link(**{f.name: None})
        begin = f"{without}{'&' if '?' in without else '?'}{f.name}="  # one address a menu, not one a line
        return Menu(f"filter-{f.name}", self._said(f), str(f.unset or _("All")), without, begin, here, choices)

    def _said(self, f: Filter) -> str:
        value = self.values[f.name]
        return _(
            "%(label)s: %(value)s", label=f.label, value=(f.unset or _("all")) if value is None else f.words(value)
        )

    @property
    def is_filtered(self) -> bool:
        return any(value is not None for value in self.values.values())

    @property
    def clear_all(self) -> str:
        return self.link(**{f.name: None for f in self.filters})

    @property
    def next(self) -> str | None:
        return self._address(self.path, {"after": self.page.next}) if self.page and self.page.next else None

    @property
    def previous(self) -> str | None:
        return self._address(self.path, {"before": self.page.previous}) if self.page and self.page.previous else None

    @property
    def csv(self) -> str:
        return self._address(f"{self.path}.csv", {})

    @property
    def xlsx(self) -> str:
        return self._address(f"{self.path}.xlsx", {})

    @property
    def sorts(self) -> list[Sort]:
        return [
            Sort(key, label, self._address(self.path, {"sort": key}), key == self.sort)
            for key, label in self.order.items()
        ]

    def keep(self, *shown: str) -> dict[str, str]:
        """The other filters and the order, which a form that shows only `shown` carries along."""
        kept = {name: text for name, text in self.text.items() if text and name not in shown}
        return {**kept, "sort": self.sort} if self._sort_shown else kept

    @property
    def _sort_shown(self) -> bool:
        return bool(self.sort) and self.sort != next(iter(self.order), "")

    def _address(self, path: str, changes: Mapping[str, Any]) -> str:
        by_name = {f.name: f for f in self.filters}
        parameters = {name: text for name, text in self.text.items() if text}
        if self._sort_shown:
            parameters["sort"] = self.sort
        for name, value in changes.items():
            if name in by_name and value is not None and not isinstance(value, str):
                value = by_name[name].written(value)
            if value is None or value == "":
                parameters.pop(name, None)
            else:
                parameters[name] = value
        return f"{path}?{urlencode(parameters)}" if parameters else path


def view_of(path: str) -> str:
    """The list at `path` as the page shows it now, as the saved views take it: its filters and order, without its page."""
    return _view_of(path, request.query_string if request.path == path else b"")


@lru_cache(maxsize=500)
def _view_of(path: str, query: bytes) -> str:
    return urlencode({"list": path, "view": without_place(query.decode("utf-8", "ignore"))})


class ListOf:
    """The declaration of one list. `sorts`: the orders that may be asked for, the default first."""

    def __init__(self, *filters: Filter, sorts: Mapping[str, Any] | None = None) -> None:
        self.filters = filters
        self.sorts = dict(sorts or {})
        names = [f.name for f in filters]
        if len(set(names)) != len(names) or {"after", "before", "sort"} & set(names):
            raise ValueError(f"filter names clash: {names}")

    def read(self, path: str | None = None) -> Listing:
        """The list as the request's address asks for it. `path` where the export's address must not be taken as the list's."""
        asked = request.args
        values = {f.name: self._value(f, asked.get(f.name, "")) for f in self.filters}
        sort = asked.get("sort", "")
        default = next(iter(self.sorts), "")
        after, before = _cursor(asked.get("after")), _cursor(asked.get("before"))
        return Listing(
            path=path or request.path.removesuffix(".csv").removesuffix(".xlsx"),
            filters=self.filters,
            values=values,
            sort=sort if sort in self.sorts else default,
            after=after if before is None else None,
            before=before,
            order=self.sorts,
        )

    @staticmethod
    def _value(filter_: Filter, text: str) -> Any:
        return filter_.read(text) if text and text.isprintable() else None


def _cursor(text: str | None) -> str | None:
    return text[:_LONGEST_CURSOR] if text else None
