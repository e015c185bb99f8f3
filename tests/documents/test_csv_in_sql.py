"""A file that the database makes is, to the byte, the file that Python would make of its rows, whatever they hold."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from babel.core import get_global
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from app.documents import Column, LookedUp, Minor, Words, csv_chunks, csv_in_sql, csv_of, rows_of
from app.documents import spelled as spelling
from app.documents.csv_in_sql import in_sql
from app.documents.spelled_once import spelled_once, spelled_seldom
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Exact, Instant, Month, db
from app.foundation.money import Money
from app.foundation.tenancy import NoViewer, acting_for_all

ROWS = sa.Table(
    "hostile_row",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("place", sa.Integer),
    sa.Column("first", sa.String(2000)),
    sa.Column("second", sa.Text),
    sa.Column("at", Instant),
    sa.Column("month", Month),
    sa.Column("quantity", Exact),
    sa.Column("minor", sa.BigInteger),
    sa.Column("currency", sa.String(3)),
    sa.Column("sure", sa.Boolean),
    sa.Column("state", sa.String(20)),
)
#: what is named beside the rows, by their place: few names, or none, for many rows
NAMES = sa.Table(
    "hostile_name",
    ROWS.metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200)),
    sa.Column("shown", sa.Boolean),
)
KNOWN = {
    uuid.UUID(int=1): Money(Decimal("-12.50"), "USD"),
    uuid.UUID(int=2): None,
    uuid.UUID(int=3): Money(Decimal(7), "JPY"),
}
COLUMNS = (
    Column("First", "first"),
    Column("=Place", "place"),
    Column("Second", "second"),
    Column("At", "at"),
    Column("Month", "month"),
    Column("Quantity", "quantity"),
    Column("Amount", Minor("minor")),
    Column("Currency", "currency"),
    Column("Sure", "sure"),
    Column("State", Words("state", {"a": "Active", "b": "=b;+1\n", "c": "", "d": 'dit "d", o\'d%s %% \\n'})),
    Column("Known", LookedUp("id", KNOWN)),
    Column("Id", "id"),
)
EMPTY: dict[str, Any] = dict.fromkeys(ROWS.columns.keys()) | {"place": 0, "currency": "USD", "state": "a"}

#: what decides about apostrophes, quotes and ends of lines, in any order
_HOSTILE = st.text(
    alphabet=st.sampled_from("=+-@;\t\r\n\"', a1é.\\%\x0b\x1f\x85\xa0\u3000\u200b\uff1d\uff0b\uff0d\uff20'"),
    max_size=12,
)
TEXTS = _HOSTILE | st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
CURRENCIES = sorted(get_global("all_currencies"))
A_ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*KNOWN, *(uuid.UUID(int=n << 64 | 7) for n in range(1, 40))]),
        "first": st.none() | TEXTS,
        "second": st.none() | TEXTS,
        "at": st.none() | st.datetimes(datetime(1971, 1, 1), datetime(9997, 1, 1), timezones=st.just(UTC)),
        "month": st.none() | st.builds(BillingMonth, st.integers(1971, 9997), st.integers(1, 12)),
        "quantity": st.none() | st.decimals("-99999999999", "99999999999", places=6),
        "minor": st.none() | st.integers(-(2**62), 2**62) | st.integers(-1100, 1100),
        "currency": st.sampled_from(CURRENCIES),
        "sure": st.none() | st.booleans(),
        "state": st.sampled_from("abcd"),
    }
)


@pytest.fixture
def rows(app: Flask) -> Iterator[None]:
    with app.app_context(), acting_for_all("hostile rows for a file"):
        ROWS.metadata.create_all(db.engine)
        try:
            yield
        finally:
            db.session.remove()
            ROWS.metadata.drop_all(db.engine)


def put(rows: list[dict[str, Any]], table: sa.Table = ROWS) -> None:
    with db.engine.begin() as connection:
        connection.execute(sa.delete(table))
        if rows:
            connection.execute(sa.insert(table), rows)


def both_ways(columns: Any = COLUMNS, statement: Any = None) -> tuple[bytes, bytes]:
    """The file as the database makes it, and as Python makes it of the same rows."""
    statement = sa.select(ROWS).order_by(ROWS.c.place) if statement is None else statement
    assert in_sql(columns, statement) is not None
    db.session.rollback()
    in_one, in_the_other = (
        b"".join(csv_of(columns, rows_of(statement))),
        b"".join(csv_chunks(columns, rows_of(statement))),
    )
    db.session.rollback()
    return in_one, in_the_other


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(A_ROW, max_size=8, unique_by=lambda row: row["id"]))
def test_both_ways_write_the_same_bytes(rows: None, found: list[dict[str, Any]]) -> None:
    put([{**row, "place": place} for place, row in enumerate(found)])
    in_sql, in_python = both_ways()
    assert in_sql == in_python


FIRST_NAME, OTHER_NAME = NAMES.alias("first_name"), NAMES.alias("other_name")
NAMED = (
    sa.select(
        ROWS.c.place,
        FIRST_NAME.c.name,
        OTHER_NAME.c.name.label("other"),
        OTHER_NAME.c.shown,
        NAMES.c.name.label("inner"),
    )
    .select_from(
        ROWS.join(NAMES, NAMES.c.place == 0)
        .outerjoin(FIRST_NAME, sa.and_(FIRST_NAME.c.place == ROWS.c.place % 3, FIRST_NAME.c.shown.is_(True)))
        .outerjoin(OTHER_NAME, OTHER_NAME.c.place == ROWS.c.place % 7)
    )
    .where(sa.or_(OTHER_NAME.c.shown.is_(None), OTHER_NAME.c.name != "x", OTHER_NAME.c.name.is_(None)))
    .order_by(OTHER_NAME.c.place.is_(None), ROWS.c.place)
)
NAMED_COLUMNS = tuple(Column(name, name) for name in ("place", "name", "other", "shown", "inner"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.none() | TEXTS, st.booleans()), min_size=1, max_size=6), st.sampled_from([3, 5000]))
def test_names_beside_the_rows_are_the_same_bytes(
    rows: None, monkeypatch: pytest.MonkeyPatch, names: list[tuple[str | None, bool]], few: int
) -> None:
    """One name of many rows, two names of one table, rows without a name, and names that a criterion of the join leaves out; where
    there are few of them, and where there are too many to look through all of them first."""
    monkeypatch.setattr(spelling, "FEW", few)
    put([{"place": place, "name": name, "shown": shown} for place, (name, shown) in enumerate(names)], NAMES)
    put([{**EMPTY, "id": uuid.UUID(int=n + 100), "place": n} for n in range(20)])
    in_sql, in_python = both_ways(NAMED_COLUMNS, NAMED)
    assert in_sql == in_python


def test_names_beside_the_rows_are_spelled_beneath_their_join(rows: None) -> None:
    """Once a name. What the file does not show is read as ever, and so is what is grouped: it would be no group any more."""
    written = str(spelled_once(spelled_of(NAMED)).compile(dialect=postgresql.dialect()))
    select_list, _, tables = written.partition("FROM hostile_row")
    assert select_list.count("regexp_replace(") == spelled_text_of(NAMES.c.name).count("regexp_replace(")
    assert tables.count("AS spelled_name") == 2
    assert "first_name.shown IS true" in tables
    grouped = spelled_of(NAMED).order_by(None).group_by(FIRST_NAME.c.name, OTHER_NAME.c.name, NAMES.c.name)
    assert spelled_once(grouped) is grouped


def test_of_names_beside_the_rows_sqlite_spells_what_is_not_plain(rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those are looked for once, whatever the row; the joins stay as they are, and what is no name beside the rows is looked at."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps the spelled name")
    statement = in_sql(NAMED_COLUMNS, NAMED)
    assert statement is not None
    before, after = (
        str(one.compile(db.engine, compile_kwargs={"literal_binds": True}))
        for one in (statement, spelled_seldom(statement))
    )
    assert before[before.index("\nFROM hostile_row") :] == after[after.index("\nFROM hostile_row") :]
    assert after.count(" IN (SELECT hostile_name.name") == 2
    csv_in_sql._know_cells()
    plan = "\n".join(row[3] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {after}"))
    assert plan.count("LIST SUBQUERY") == 2
    assert "CORRELATED" not in plan
    spelled: set[str] = set()

    def spelled_in_python(text: str) -> str:
        spelled.add(text)
        return csv_in_sql._cell_of(text)

    monkeypatch.setattr(csv_in_sql, "_known_cell_of", spelled_in_python)
    put(
        [{"place": place, "name": name, "shown": True} for place, name in enumerate(("Plain", "Zebra & Söhne", "a,b"))],
        NAMES,
    )
    put([{**EMPTY, "id": uuid.UUID(int=n + 100), "place": n} for n in range(20)])
    db.session.remove()
    assert len(b"".join(csv_of(NAMED_COLUMNS, rows_of(NAMED))).splitlines()) == 21
    assert spelled == {"a,b"}


def test_ids_and_instants_of_no_row(rows: None) -> None:
    other = ROWS.alias("other")
    put([{**EMPTY, "id": uuid.UUID(int=n + 100), "place": n, "at": datetime(2026, 1, 1, tzinfo=UTC)} for n in range(2)])
    following = (
        sa.select(ROWS.c.place, other.c.id, other.c.at)
        .select_from(ROWS.outerjoin(other, other.c.place == ROWS.c.place + 1))
        .order_by(ROWS.c.place)
    )
    in_sql, in_python = both_ways([Column(name, name) for name in ("place", "id", "at")], following)
    assert in_sql == in_python == f"place,id,at\r\n0,{uuid.UUID(int=101)},2026-01-01T00:00:00Z\r\n1,,\r\n".encode()


def spelled_of(statement: Any) -> Any:
    texts = [statement.selected_columns[name] for name in ("name", "other", "inner")]
    return statement.with_only_columns(*map(spelling.spelled_text, texts), maintain_column_froms=True)


def spelled_text_of(column: Any) -> str:
    return str(spelling.spelled_text(column).compile(dialect=postgresql.dialect()))


def test_every_text_that_ever_made_trouble(rows: None) -> None:
    signs = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
    texts = [
        "", "'", "''", "\\.", "\\", "\\n", '"', '""', ",", "\r", "\n", "\r\n", "\t", "a\tb", "a;b", "%", "%s", "%(x)s", "%%",
        *signs, *(f"{blank}=1" for blank in spelling.BLANKS), *(f"a;{blank}{sign}1" for blank in spelling.BLANKS for sign in signs),
        *(f"''{sign}1" for sign in signs), *(f'x{end}" "\'{sign}1' for end in ";\t\r\n" for sign in signs), "\n=1", "\n'=1", ";;=1",
        "a\n\n=1\n=2", "'\t'=1", "\u200b=1", "Ł=1", "1;2", "é;=1", "ends in \r", "[", "{", ":", "[=1", "{;", ":,", "Z", "Zo", "zo", "9", "90", "Z;=1", 'a "quoted", text\nof two lines', "x" * 1900,
    ]  # fmt: skip
    put(
        [
            {**EMPTY, "id": uuid.uuid4(), "place": place, "first": text, "second": text}
            for place, text in enumerate(texts)
        ]
    )
    in_sql, in_python = both_ways()
    assert in_sql.split(b"\r\n") == in_python.split(b"\r\n")


def test_blanks_are_what_python_strips() -> None:
    assert sorted(spelling.BLANKS) == [chr(code) for code in range(0x110000) if chr(code).isspace()]


def test_every_currency_and_instant(rows: None) -> None:
    """All exponents there are, both signs, less than one unit; and an instant is cut to its second, not rounded."""
    minors = (0, 1, -1, 10, -99, 100, -100, 12_345, -(10**15) - 7)
    at = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    made = [{**EMPTY, "minor": minor, "currency": currency, "at": at} for currency in CURRENCIES for minor in minors]
    put([{**row, "id": uuid.uuid4(), "place": place} for place, row in enumerate(made)])
    in_sql, in_python = both_ways()
    assert in_sql == in_python
    assert b"2026-12-31T23:59:59Z" in in_sql


def test_more_than_a_piece_and_nothing_at_all(rows: None) -> None:
    put([{**EMPTY, "id": uuid.UUID(int=n + 100), "place": n, "first": f'row "{n}"\n'} for n in range(2_345)])
    in_sql, in_python = both_ways()
    assert in_sql == in_python
    assert in_sql.count(b'row ""') == 2_345
    put([])
    in_sql, in_python = both_ways()
    assert in_sql == in_python == b"First,'=Place,Second,At,Month,Quantity,Amount,Currency,Sure,State,Known,Id\r\n"


def test_five_hundred_amounts_are_looked_up(rows: None) -> None:
    known = {uuid.UUID(int=n + 1): Money(Decimal(n), "USD") if n % 3 else None for n in range(500)}
    put([{**EMPTY, "id": uuid.UUID(int=n + 1), "place": n} for n in range(600)])
    in_sql, in_python = both_ways((Column("Place", "place"), Column("Known", LookedUp("id", known))))
    assert in_sql == in_python


def test_what_is_made_in_python_alone_is_made_so(rows: None) -> None:
    put([{**EMPTY, "id": uuid.uuid4(), "place": n} for n in range(3)])
    columns = (Column("Twice", lambda row: row.place * 2), Column("Id", "id"))
    statement = sa.select(ROWS).order_by(ROWS.c.place)
    assert in_sql(columns, statement) is None
    assert b"".join(csv_of(columns, rows_of(statement))) == b"".join(csv_chunks(columns, rows_of(statement)))


@pytest.mark.parametrize("many", [5_000, 5])
def test_who_stops_reading_gives_the_connection_back_in_order(rows: None, many: int) -> None:
    """In the middle, or when all of it has come."""
    put(
        [
            {**EMPTY, "id": uuid.UUID(int=n + 1), "place": n, "at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(n)}
            for n in range(many)
        ]
    )
    pieces = csv_of(COLUMNS, rows_of(sa.select(ROWS).order_by(ROWS.c.place)))
    assert next(pieces).startswith(b"First")
    pieces.close()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ROWS)) == many
    db.session.remove()
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_what_fails_midway_is_raised_as_ever(rows: None) -> None:
    """A row that the database cannot make, and a server that goes away: neither is the end of a file."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite divides by zero")
    # far more than a socket holds: when the first piece is there, the server still has most of them
    put([{**EMPTY, "id": uuid.UUID(int=n + 1), "place": n, "first": "x" * 1_000} for n in range(5_000)])
    divided = sa.select((1 // (4_321 - ROWS.c.place)).label("one"))
    pieces = csv_of((Column("One", "one"),), rows_of(divided))
    assert next(pieces).startswith(b"One\r\n0\r\n")
    with pytest.raises(sa.exc.DataError):
        list(pieces)
    db.session.rollback()
    pieces = csv_of((Column("Id", "id"), Column("First", "first")), rows_of(sa.select(ROWS)))
    assert next(pieces)
    with db.engine.begin() as other:
        its = "datname = current_database() AND state = 'active' AND query LIKE 'COPY (%'"
        assert other.scalars(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {its}")).all() == [
            True
        ]
    with pytest.raises(sa.exc.OperationalError):
        list(pieces)
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ROWS)) == 5_000


def test_rows_are_of_one_moment(rows: None) -> None:
    put([{**EMPTY, "id": uuid.UUID(int=n + 1), "place": n} for n in range(5_000)])
    pieces = csv_of(COLUMNS, rows_of(sa.select(ROWS).order_by(ROWS.c.place)))
    begun = next(pieces)
    with db.engine.begin() as other:
        other.execute(sa.delete(ROWS))
    assert (begun + b"".join(pieces)).count(b"\r\n") == 5_001


def test_no_viewer_no_file(rows: None) -> None:
    from app.foundation import tenancy

    pieces = csv_of(COLUMNS, rows_of(sa.select(ROWS)))
    tenancy.set_viewer(None)
    with pytest.raises(NoViewer):
        next(pieces)
