"""Pieces of pages, made once and kept by what they show: one row of a list, a filter's menu, the header.

    {% for row in rows %}
    {% kept id=row.id, name=row.name, asked_at=row.requested_at %}
    <tr><td><a href="/engagements/{{ id }}">{{ name }}</a></td><td>{{ asked_at|instant_short }}</td></tr>
    {% endkept %}
    {% endfor %}

The law: a kept piece is a function of the values named at its head, and of the reader's language, zone and present year, and
of nothing else. They are its key. So there is nothing to forget when a row changes, since what then shows has another key; and
nobody sees another's page, since whoever asks with the same values would be shown the same letters. Three things hold the law:
a template whose piece uses any other name, or a filter that looks at the clock, does not compile; what has a value that does not
say by itself how it is printed (an object, a list) is never kept, and raises in tests; and a test compares every list with itself
unkept.

No token belongs into a piece: a form that needs one stands outside, and its buttons name it (`form="..."`).

Memory is bounded (MOST_BYTES a process): when the younger half is full, what was not asked for since it began is dropped.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from flask import Flask
from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.parser import Parser
from markupsafe import Markup

from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money

#: Of all kept pieces of a process with their keys, as far as Python says.
MOST_BYTES = 32 * 1024 * 1024
#: What an entry takes beyond its letters and values: tuples, the dictionary's place.
_EACH = 400
#: Values that are printed alike whenever they are equal and of the same type.
_PLAIN: frozenset[type] = frozenset(
    {str, Markup, int, bool, type(None), UUID, datetime, date, timedelta, Decimal, BillingMonth, Money}
)  # fmt: skip
#: Inside a tuple the key does not tell types apart, so there only what cannot be taken for one another: no markup, no 1 for True.
#: A named one, such as a row of a statement, has one type in each place, and may hold whatever is plain but markup.
_PLAIN_INSIDE: frozenset[type] = frozenset({str, bool, type(None), BillingMonth})
_PLAIN_NAMED = _PLAIN - {Markup}
#: Beside the values at its head a piece may use these: they say the same to every reader of one language.
_ALIKE = frozenset({"_", "ngettext", "icons", "ui", "tag_classes", "asset", "of_minor", "marks"})
#: and of `ui` those that print nothing but what they are given; a search_bar also a member's views, by what it is given besides.
_PRINT_ONLY = frozenset(
    {"icon", "tag", "pill", "avatar", "breadcrumb", "tabs", "facts", "button", "strip", "pager", "tile", "search_bar"}
)
#: Filters that look at the clock; a piece takes what they say as one of its values.
_OF_THE_CLOCK = frozenset({"ago", "deadline"})

Reader = tuple[str, str, int]
Key = tuple[Any, ...]

#: Language, zone and year of whoever reads the page that is being made. None: nothing is kept.
_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


def install(app: Flask) -> None:
    app.jinja_env.add_extension(KeptTag)
    app.jinja_env.filters.update(_kept_before=PIECES.find, _kept_now=PIECES.keep)


@contextmanager
def read_by(language: str, zone: str, year: int) -> Iterator[None]:
    """What is rendered inside is for this reader. Outside of any, every piece is made anew."""
    token = _reader.set((language, zone, year))
    try:
        yield
    finally:
        _reader.reset(token)


@contextmanager
def nothing_kept() -> Iterator[None]:
    """For comparing: whatever is rendered inside is made anew, and not kept."""
    PIECES.on = False
    try:
        yield
    finally:
        PIECES.on = True


class Pieces:
    """Key -> piece, in a younger and an older half. Threads share them; the worst that a race does is to make a piece twice."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.on = True
        #: raise where a value keeps a piece from being kept: in tests
        self.strict = False
        self.found = self.made = 0
        self.forget()

    def forget(self) -> None:
        self._young: dict[Key, Markup] = {}
        self._old: dict[Key, Markup] = {}
        self._known_plain: set[tuple[type, ...]] = set()
        self.bytes = 0

    def find(self, values: tuple[Any, ...], where: int) -> Markup | None:
        reader = _reader.get()
        if reader is None or not self.on:
            return None
        # with their types, since 1 == True == Decimal(1), and markup is equal to the same letters unescaped
        key = (where, reader, values, tuple(map(type, values)))
        try:
            piece = self._young.get(key)
        except TypeError:
            return None  # something that has no hash; keep() says what is wrong with it
        if piece is None:
            piece = self._old.get(key)
            if piece is None:
                return None
            self._put(key, piece)
        self.found += 1
        return piece

    def keep(self, piece: Markup, values: tuple[Any, ...], where: int) -> Markup:
        reader = _reader.get()
        types = tuple(map(type, values))
        self.made += 1
        if types not in self._known_plain:
            if wrong := _not_plain(values):
                if self.strict:
                    raise TypeError(f"a kept piece cannot be known by {wrong}: name the values it prints")
                return piece
            if not any(issubclass(each, tuple) for each in types):
                self._known_plain.add(types)
        if reader is not None and self.on:
            self._put((where, reader, values, types), piece)
        return piece

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _put(self, key: Key, piece: Markup) -> None:
        self._young[key] = piece
        self.bytes += _EACH + sys.getsizeof(piece) + _size(key[2])
        if self.bytes > self.most_bytes // 2:
            self._young, self._old, self.bytes = {}, self._young, 0


PIECES = Pieces()


def _size(values: tuple[Any, ...]) -> int:
    return sum(sys.getsizeof(value) + (_size(value) if isinstance(value, tuple) else 0) for value in values)


def _not_plain(values: tuple[Any, ...]) -> str:
    """The type of the first value that does not say by itself how it is printed; "" where all do."""
    for value in values:
        if isinstance(value, tuple):
            if wrong := _not_plain_inside(value, _inside(value)):
                return f"{wrong} in a tuple"
        elif type(value) not in _PLAIN:
            return type(value).__name__
    return ""


def _inside(value: tuple[Any, ...]) -> frozenset[type]:
    return _PLAIN_NAMED if hasattr(value, "_fields") else _PLAIN_INSIDE


def _not_plain_inside(values: tuple[Any, ...], plain: frozenset[type]) -> str:
    for value in values:
        if isinstance(value, tuple):
            if wrong := _not_plain_inside(value, _inside(value)):
                return wrong
        elif type(value) not in plain:
            return type(value).__name__
    return ""


class KeptTag(Extension):
    """`{% kept a, b=expression %} ... {% endkept %}`: a name alone is a variable of the same name."""

    tags = {"kept"}
    _places: Iterator[int] = count()

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        names: list[str] = []
        values: list[nodes.Expr] = []
        while parser.stream.current.type != "block_end":
            if names:
                parser.stream.expect("comma")
            name = parser.parse_assign_target(name_only=True).name
            names.append(name)
            values.append(
                parser.parse_expression() if parser.stream.skip_if("assign") else nodes.Name(name, "load", lineno=line)
            )
        body = parser.parse_statements(("name:endkept",), drop_needle=True)
        _hold_to_the_law(nodes.Scope(body), set(names), parser, line)
        return _found_or_made(names, values, body, next(self._places), line)


def _found_or_made(
    names: list[str], values: list[nodes.Expr], body: list[nodes.Node], place: int, line: int
) -> nodes.Node:
    """As if the template said: with the values, find the piece; where there is none, make and keep it; print it."""

    def load(name: str) -> nodes.Expr:
        return nodes.Name(name, "load")

    def filtered(name: str, of: nodes.Expr, *more: nodes.Expr) -> nodes.Expr:
        return nodes.Filter(of, name, list(more), [], None, None)

    shown: nodes.Expr = nodes.Tuple([load(name) for name in names], "load")
    where: nodes.Expr = nodes.Const(place)
    piece = "piece_of_html"
    find = nodes.Assign(nodes.Name(piece, "store"), filtered("_kept_before", shown, where))
    make = nodes.AssignBlock(nodes.Name(piece, "store"), None, body)
    keep = nodes.Assign(nodes.Name(piece, "store"), filtered("_kept_now", load(piece), shown, where))
    unless_found = nodes.If(nodes.Test(load(piece), "none", [], [], None, None), [make, keep], [], [])
    inside: list[nodes.Node] = [find, unless_found, nodes.Output([load(piece)])]
    return nodes.With([nodes.Name(name, "param") for name in names], values, inside).set_lineno(line)


def _hold_to_the_law(body: nodes.Scope, said: set[str], parser: Parser, line: int) -> None:
    if not said:
        raise _unlawful("no value at all", parser, line)
    names: Any = list(body.find_all(nodes.Name))
    own = {name.name for name in names if name.ctx in ("store", "param")}
    printed_only = [
        id(asked.node)
        for asked in body.find_all(nodes.Getattr)
        if asked.attr in _PRINT_ONLY  # ui.icon, ui.tag, ...
    ]
    for name in names:
        if name.ctx == "load" and name.name not in said | own | _ALIKE | {"loop"}:
            raise _unlawful(name.name, parser, line)
        if name.name == "ui" and id(name) not in printed_only:
            raise _unlawful("more of ui than it may", parser, line)
    for each in body.find_all(nodes.Filter):
        if each.name in _OF_THE_CLOCK:
            raise _unlawful(f"the filter {each.name}, which looks at the clock,", parser, line)
    if next(body.find_all(nodes.Include), None):
        raise _unlawful("another template", parser, line)


def _unlawful(what: str, parser: Parser, line: int) -> TemplateSyntaxError:
    return TemplateSyntaxError(
        f"a kept piece uses {what} without saying so at its head", line, parser.name, parser.filename
    )
