"""A select of columns that is built once and asked at nearly every page: compiled once as well, then only values for the driver.

    rows = columns_of(_MEMBER_OF_SESSION, {"member": member_id, "digest": digest})

It does not go through Session.execute, where the tenancy listener sits. So the viewer's criteria are put into the statement first, by
the listener's own function (tenancy.shown), and whatever depends on who looks is asked anew each time; a test holds what comes out
equal to what the listener lets through. Values and columns go through their own types, as ever.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from psycopg import RawCursor
from sqlalchemy import Connection, Dialect, Result, Select

from app.foundation.database import db, writing
from app.foundation.driver_errors import driver_errors_as_ever
from app.foundation.tenancy import shown

AnySelect = Select[*tuple[Any, ...]]
Values = Mapping[str, Any]
Change = Callable[[Any], Any]
#: An execution option of a statement whose values decide how it is read: PostgreSQL plans it for them each time. A plan for all
#: of them expects the rows of an average one, and would rather sort very many than read along an index.
PLANNED_ANEW = "planned_anew"


def columns_of(statement: AnySelect, values: Values | None = None) -> list[Any]:
    """The rows as named tuples, equal where they show the same. `values`: the statement's parameters, by name."""
    if writing():
        return plain_rows(db.session.execute(statement, values))  # what is not written yet is written first
    statement = shown(statement)
    session: Any = db.session()
    connection: Connection = session.reading_connection()
    kept = _kept_for(statement, connection.dialect)
    if kept.grows:  # asked in SQLAlchemy's own way, and so within the session
        return plain_rows(session.connection().execute(statement, values))
    return kept.ask(connection, values or {})


def plain_rows(result: Result[Any]) -> list[Any]:
    return list(map(made_of(tuple(result.keys())), result))


@lru_cache(maxsize=512)
def made_of(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """Makes a row of a sequence of its values."""
    return partial(tuple.__new__, namedtuple("PlainRow", names, rename=True))


class Place(NamedTuple):
    """Where the text takes a value."""

    #: as the text calls it
    name: str
    #: as `values` know it
    key: str
    #: what it is where `values` have none: asked each time, or, as the driver takes it, for good
    fresh: Callable[[], Any] | None
    fixed: Any
    #: makes of a value what the driver takes
    change: Change | None


class KeptStatement:
    """The text and its places, for one dialect."""

    def __init__(self, statement: AnySelect, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        parameters = {name: parameter for parameter, name in compiled.bind_names.items()}
        #: a list that is given anew each time: it becomes part of the text, which cannot be kept
        self.grows = any(
            _given_anew(each) for each in (*compiled.post_compile_params, *compiled.literal_execute_params)
        )
        if self.grows:
            return
        # a list that stays as it is becomes part of the text now
        written = compiled.construct_expanded_state(
            {name: None for name, each in parameters.items() if _given_anew(each)}
        )
        self.text: str = written.statement
        self.in_order: bool = compiled.positional
        names = list(written.positiontup if self.in_order else written.parameters)
        self.places = [_place(name, parameters.get(name), written, dialect) for name in names]
        #: Each value once, and where it goes: a search's text has a hundred places, and who looks stands in thirty of them.
        once: dict[Any, int] = {}
        at = [once.setdefault(_source(name, parameters.get(name)), len(once)) for name in names]
        self.asked = [self.places[at.index(number)] for number in range(len(once))]
        self.spread: Callable[[Any], tuple[Any, ...]] = itemgetter(*at) if len(at) > 1 else tuple
        #: The text for PostgreSQL itself, which takes each value once: psycopg would look through a long text for its places each
        #: time it is sent.
        numbers = {name: f"${number + 1}" for name, number in zip(names, at, strict=True)}
        self.numbered = "" if self.in_order else self.text % numbers
        anew = statement.get_execution_options().get(PLANNED_ANEW) and self.numbered
        self.how: dict[str, bool] = {"prepare": False} if anew else {}
        self.columns = [(each["name"], each["type"]) for each in statement.column_descriptions]
        self.row = made_of(tuple(name for name, _type in self.columns))
        #: (number of a column, what makes its value of the driver's); known when the driver has answered once
        self.changes: list[tuple[int, Change]] | None = None

    def ask(self, connection: Connection, values: Values) -> list[Any]:
        asked = [_value(place, values) for place in self.asked]
        given = asked if self.numbered else self.spread(asked)
        driver: Any = connection.connection
        cursor = RawCursor(driver.driver_connection) if self.numbered else driver.cursor()
        try:
            with driver_errors_as_ever(connection, self.text):
                if heard := connection.dispatch.before_cursor_execute:
                    heard(connection, cursor, self.text, self._spelled(asked), None, False)
                cursor.execute(self.numbered or self.text, given, **self.how)
                read = cursor.fetchall()
            return self._rows(read, cursor, connection.dialect)
        finally:
            cursor.close()

    def _spelled(self, asked: list[Any]) -> Any:
        """The values as they go with the text."""
        given = self.spread(asked)
        return given if self.in_order else {place.name: value for place, value in zip(self.places, given, strict=True)}

    def _rows(self, read: Any, cursor: Any, dialect: Dialect) -> list[Any]:
        if self.changes is None:  # psycopg makes an object of each column whenever it is asked to describe them
            self.changes = _changes(self.columns, cursor.description, dialect)
        if not self.changes or not read:
            return list(map(self.row, read))
        by_column: list[Any] = list(zip(*read, strict=True))
        for number, change in self.changes:
            by_column[number] = map(change, by_column[number])
        return list(map(self.row, zip(*by_column, strict=True)))


#: statement, with the criteria of who looks -> as the driver takes it
_kept: WeakKeyDictionary[Any, dict[Dialect, KeptStatement]] = WeakKeyDictionary()


def _kept_for(statement: AnySelect, dialect: Dialect) -> KeptStatement:
    forms = _kept.setdefault(statement, {})
    found = forms.get(dialect)
    if found is None:
        found = forms[dialect] = KeptStatement(statement, dialect)
    return found


def _given_anew(parameter: Any) -> bool:
    return parameter.required or parameter.callable is not None


def _source(name: str, parameter: Any) -> Any:
    """Equal where the value is: a name of its own, or whatever is asked by the same function, in the same type."""
    if parameter is None or parameter.callable is None:
        return name
    return parameter.callable, parameter.type


def _place(name: str, parameter: Any, written: Any, dialect: Dialect) -> Place:
    if parameter is None:  # one of a list that stays as it is
        change = written.processors.get(name)
        value = written.parameters[name]
        return Place(name, name, None, change(value) if change else value, None)
    change = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    if _given_anew(parameter):
        return Place(name, parameter.key, parameter.callable or partial(_not_given, parameter.key), None, change)
    return Place(name, parameter.key, None, change(parameter.value) if change else parameter.value, change)


def _value(place: Place, values: Values) -> Any:
    if place.key in values:
        value = values[place.key]
    elif place.fresh is not None:
        value = place.fresh()
    else:
        return place.fixed
    return place.change(value) if place.change else value


def _not_given(key: str) -> Any:
    raise LookupError(f"the statement is asked without a value for {key}")


def _changes(columns: list[tuple[str, Any]], described: Any, dialect: Dialect) -> list[tuple[int, Change]]:
    found = []
    for number, ((_name, type_), description) in enumerate(zip(columns, described, strict=True)):
        change = type_.dialect_impl(dialect).result_processor(dialect, description[1])
        if change is not None:
            found.append((number, change))
    return found
