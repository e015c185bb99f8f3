"""Values as a CSV has them, spelled by the database itself: the other half of csv_stream, whose every function has its twin here.

What they must agree on to the byte is held by a property test, on both databases. Empty text is NULL here: COPY would write ""
for it, where csv_stream writes nothing.
"""

from functools import cache
from typing import Any

from babel.core import get_global
from sqlalchemy import String
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


class spelled_line(_Spelled):
    """SQLite: the cells as one line of the file. Nothing where a cell is NULL."""


class spelled_instant(_Spelled):
    """csv_stream.utc"""


class spelled_month(_Spelled):
    """str(BillingMonth)"""


class spelled_exact(_Spelled):
    """csv_stream.plain_decimal of millionths: at least two decimals, then no zeros at the end."""


class spelled_minor(_Spelled):
    """(minor units, currency): Money.amount, all its currency's decimals."""


class spelled_id(_Spelled):
    """str(UUID)"""


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
    ends = "*[;,\"' || char(9, 10, 13) || ']*"
    return f"CASE WHEN {text} GLOB '[0-9A-Za-z]*' AND {text} NOT GLOB '{ends}' THEN {text} ELSE {CELL}({text}) END"


@compiles(spelled_line, "sqlite")
def _line_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    cells = _arguments(element, compiler, options)
    return f"printf('{','.join(['%s'] * len(cells))}' || char(13, 10), {', '.join(cells)})"


@compiles(spelled_instant, "postgresql")
def _instant_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    (at,) = _arguments(element, compiler, options)
    return f"""to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


@compiles(spelled_instant, "sqlite")
def _instant_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (at,) = _arguments(element, compiler, options)
    return f"substr({at}, 1, 10) || 'T' || substr({at}, 12, 8) || 'Z'"


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


@compiles(spelled_id)
def _id(element: Any, compiler: Any, **options: Any) -> str:
    (row_id,) = _arguments(element, compiler, options)
    if compiler.dialect.name == "postgresql":
        return row_id
    return " || '-' || ".join(
        f"substr({row_id}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )


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
