"""Values as a CSV has them, spelled by the database itself: the other half of csv_stream, whose every function has its twin here.

What they must agree on to the byte is held by a property test, on both databases. Empty text is NULL here: COPY would write ""
for it, where csv_stream writes nothing.
"""

from functools import cache
from typing import Any

from babel.core import get_global
from sqlalchemy import Alias, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.foundation.money import exponent

#: what str.isspace() says of
BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_INSIDE = f"([;\t\r\n][{BLANKS}\"]*)('*[{_SIGNS}])"
_APOSTROPHE = r"\1'\2"
_BEGINS = f"^'*([\t\r]|[{BLANKS}]*[{_SIGNS}])"


class _Spelled(FunctionElement[str]):
    type = String()
    inherit_cache = True


class spelled_text(_Spelled):
    """csv_stream.harmless. On SQLite, which has no CSV of its own, in quotes where it needs them; see CELL."""


class spelled_name(spelled_text):
    """SQLite: the same of a table's column that stands beside the list's rows. Where the table has few rows, those of them that are
    not plain are looked for once, and each row of the list only asks whether its name is one of these."""


class spelled_line(_Spelled):
    """SQLite: the cells as one line of the file, in bytes. Nothing where a cell is NULL."""


class spelled_instant(_Spelled):
    """csv_stream.utc. On SQLite within a line alone."""


class spelled_month(_Spelled):
    """str(BillingMonth)"""


class spelled_exact(_Spelled):
    """csv_stream.plain_decimal of millionths: at least two decimals, then no zeros at the end."""


class spelled_minor(_Spelled):
    """(minor units, currency): Money.amount, all its currency's decimals."""


class spelled_id(_Spelled):
    """str(UUID). On SQLite within a line alone."""


#: so many rows of a table SQLite looks through beforehand: a millisecond or two
FEW = 5000
#: the name under which SQLite's connections know what makes a cell of text that is not plain
CELL = "csv_cell"


def _arguments(element: Any, compiler: Any, options: Any) -> list[str]:
    return [f"({compiler.process(one, **options)})" for one in element.clauses]


def _quoted(text: str) -> str:
    """A constant of ours for PostgreSQL, whatever it thinks of backslashes; the percent sign is the driver's, and in none of them."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@compiles(spelled_text, "postgresql")
def _text_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    """Most text by far begins with a letter or digit, and nothing in it may be taken for the end of a cell: that is seen in half
    the time that a regex takes."""
    (text,) = _arguments(element, compiler, options)
    begins = " OR ".join(f"ascii({text}) BETWEEN {ord(first)} AND {ord(last)}" for first, last in ("AZ", "az", "09"))
    plain = " AND ".join([f"({begins})", *(f"strpos({text}, {_quoted(end)}) = 0" for end in ";\t\r\n")])
    inside = f"regexp_replace({text}, {_quoted(_INSIDE)}, {_quoted(_APOSTROPHE)}, 'g')"
    return (
        f"CASE WHEN {plain} THEN {text} "
        f"WHEN {inside} ~ {_quoted(_BEGINS)} THEN '''' || {inside} ELSE nullif({inside}, '') END"
    )


@compiles(spelled_text, "sqlite")
def _text_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (text,) = _arguments(element, compiler, options)
    return f"CASE WHEN {_plain(text)} THEN {text} ELSE {CELL}({text}) END"


def _plain(text: str) -> str:
    """Text that is its own cell. The character behind Z, z or 9 is taken for plain as well, but only where it is the whole text, and
    then it is. A set of characters in a pattern costs more than one pattern for each of them."""
    begins = " OR ".join(f"{text} BETWEEN '{first}' AND '{beyond}'" for first, beyond in ("A[", "a{", "0:"))
    return " AND ".join([f"({begins})", *(f"{text} NOT GLOB '*{end}*'" for end in ';,"\t\r\n')])


@compiles(spelled_name, "sqlite")
def _name_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (text,) = _arguments(element, compiler, options)
    (column,) = element.clauses
    table = column.table.element if isinstance(column.table, Alias) else column.table
    rows, name = compiler.process(table, asfrom=True), compiler.process(table.c[column.key])
    many = f"(SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {FEW + 1})) > {FEW}"  # noqa: S608  names of our own
    unusual = f"{text} IN (SELECT {name} FROM {rows} WHERE NOT ({_plain(name)}))"  # noqa: S608
    return f"CASE WHEN {many} OR {unusual} THEN {_text_on_sqlite(element, compiler, **options)} ELSE {text} END"


#: cells that are put together of parts: as part of a line, `%.5s` being the first five letters, and the parts, each NULL of a NULL
_IN_LINE: dict[type, tuple[str, str]] = {
    spelled_instant: ("%.10s%.9s%s", "{0}, 'T' || substr({0}, 12), CASE WHEN {0} IS NOT NULL THEN 'Z' END"),
    spelled_id: ("%.8s%.5s%.5s%.5s%s", ", ".join(["{0}", *(f"'-' || substr({{0}}, {n})" for n in (9, 13, 17, 21))])),
}


@compiles(spelled_line, "sqlite")
def _line_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    patterns, cells = [], []
    for cell in element.clauses:
        if in_line := _IN_LINE.get(type(cell)):
            pattern, parts = in_line
            cells.append(parts.format(*_arguments(cell, compiler, options)))
        else:
            pattern = "%s"
            cells.append(f"({compiler.process(cell, **options)})")
        patterns.append(pattern)
    return f"CAST(printf('{','.join(patterns)}' || char(13, 10), {', '.join(cells)}) AS BLOB)"


@compiles(spelled_instant, "postgresql")
def _instant_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    (at,) = _arguments(element, compiler, options)
    return f"""to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


@compiles(spelled_month)
def _month(element: Any, compiler: Any, **options: Any) -> str:
    (number,) = _arguments(element, compiler, options)
    digits = f"CAST({number} AS TEXT)"
    return f"substr({digits}, 1, 4) || '-' || substr({digits}, 5)"


@compiles(spelled_exact, "postgresql")
def _exact_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    (whole,) = _arguments(element, compiler, options)
    return f"CASE WHEN mod({whole}, 10000) = 0 THEN {whole} / 10000 * 0.01 ELSE trim_scale({whole} * 0.000001) END"


@compiles(spelled_exact, "sqlite")
def _exact_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (whole,) = _arguments(element, compiler, options)
    hundredths, millionths = _decimals(f"({whole} / 10000)", 2), f"rtrim({_decimals(whole, 6)}, '0')"
    return f"CASE WHEN {whole} % 10000 = 0 THEN {hundredths} ELSE {millionths} END"


@compiles(spelled_minor)
def _minor(element: Any, compiler: Any, **options: Any) -> str:
    minor, currency = _arguments(element, compiler, options)
    point = _point if compiler.dialect.name == "postgresql" else _decimals
    whens = " ".join(f"WHEN {currency} IN ({codes}) THEN {point(minor, places)}" for places, codes in _unusual())
    return f"CASE {whens} ELSE {point(minor, 2)} END"


@compiles(spelled_id, "postgresql")
def _id_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    (row_id,) = _arguments(element, compiler, options)
    return row_id


def _point(whole: str, places: int) -> str:
    """PostgreSQL: a numeric keeps as many decimals as its factors have."""
    return f"CAST({whole} AS numeric)" if places == 0 else f"{whole} * 0.{1:0{places}}"


def _decimals(whole: str, places: int) -> str:
    """SQLite, which has no exact decimals but exact whole numbers."""
    if places == 0:
        return f"CAST({whole} AS TEXT)"
    unit = 10**places
    return (
        f"CASE WHEN {whole} < 0 THEN '-' ELSE '' END || (abs({whole}) / {unit}) || '.' || "
        f"substr('{'0' * places}' || (abs({whole}) % {unit}), -{places})"
    )


@cache
def _unusual() -> list[tuple[int, str]]:
    """(decimals, the currencies that have so many) for all that do not have two."""
    found: dict[int, list[str]] = {}
    for code in sorted(get_global("all_currencies")):
        if exponent(code) != 2:
            found.setdefault(exponent(code), []).append(f"'{code}'")
    return [(places, ", ".join(codes)) for places, codes in found.items()]
