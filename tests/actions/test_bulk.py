"""Very many rows at once: what is written reads back as the unit of work would have left it, and only the system writes so."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Integer,
    MetaData,
    String,
    Text,
    Uuid,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.charges.model import ChargeLine
from app.foundation import bulk
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Exact, Instant, Month, db, transaction
from app.foundation.exact import LIMIT, NotExact
from app.foundation.history import History
from app.foundation.tenancy import PUBLIC, acting_for_all, viewing
from tests.makers import make_engagement, make_entry, make_product


class Drawer(DeclarativeBase):
    metadata = MetaData()


class Specimen(Drawer):
    """One column of every type that a model may have."""

    __tablename__ = "specimen"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    amount: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[Decimal | None] = mapped_column(Exact)
    month: Mapped[BillingMonth | None] = mapped_column(Month)
    at: Mapped[datetime | None] = mapped_column(Instant)
    day: Mapped[date | None] = mapped_column(Date)
    other_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    short: Mapped[str | None] = mapped_column(String(40))
    long: Mapped[str | None] = mapped_column(Text)
    is_on: Mapped[bool] = mapped_column(Boolean)
    answers: Mapped[Any] = mapped_column(JSON)


class Tally(Drawer):
    """Sums under a key of two columns."""

    __tablename__ = "tally"

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    month: Mapped[BillingMonth] = mapped_column(Month, primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[Decimal] = mapped_column(Exact)


NAMES = [column.key for column in Specimen.__mapper__.columns]

SCALED = int(LIMIT) * 10**6 - 1
QUANTITIES = st.integers(-SCALED, SCALED).map(lambda whole: Decimal(whole).scaleb(-6))
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)).flatmap(
    lambda at: st.integers(-14, 14).map(lambda hours: at.replace(tzinfo=timezone(timedelta(hours=hours))))
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MONTHS = st.builds(BillingMonth, st.integers(1970, 9998), st.integers(1, 12))
VALUES = st.fixed_dictionaries(
    {
        "number": st.integers(-(2**31), 2**31 - 1),
        "amount": st.none() | st.integers(-(2**63), 2**63 - 1),
        "quantity": st.none() | QUANTITIES,
        "month": st.none() | MONTHS,
        "at": st.none() | INSTANTS,
        "day": st.none() | st.dates(),
        "other_id": st.none() | st.uuids(),
        "short": st.none() | TEXTS,
        "long": st.none() | TEXTS.map(lambda words: words * 20),
        "is_on": st.booleans(),
        "answers": ANSWERS,
    }
)


@pytest.fixture
def drawer() -> Iterator[None]:
    """An empty table of specimens, gone afterwards."""
    engine = db.engine
    Drawer.metadata.create_all(engine)
    yield
    db.session.rollback()
    Drawer.metadata.drop_all(engine)


def stored(row_id: uuid.UUID) -> tuple[Any, ...]:
    """The row as the database keeps it, past every type; without its id."""
    wanted = text(f"SELECT {', '.join(NAMES[1:])} FROM specimen WHERE id = :id")
    with acting_for_all("a test"):
        return tuple(db.session.execute(wanted, {"id": spelled(row_id)}).one())


def spelled(row_id: uuid.UUID) -> Any:
    return row_id.hex if db.session.get_bind().dialect.name == "sqlite" else row_id


@pytest.mark.usefixtures("drawer")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=1, max_size=4), VALUES)
def test_what_bulk_writes_is_what_the_unit_of_work_writes(rows: list[dict[str, Any]], later: dict[str, Any]) -> None:
    one_by_one, at_once = ([uuid.uuid4() for _ in rows] for _ in range(2))
    with acting_for_all("a test"), transaction() as session:
        session.add_all(Specimen(id=id_, **values) for id_, values in zip(one_by_one, rows, strict=True))
        session.flush()
        given_rows = [[id_, *(values[n] for n in NAMES[1:])] for id_, values in zip(at_once, rows, strict=True)]
        assert bulk.insert(Specimen, NAMES, given_rows) == len(rows)
    for first, second in zip(one_by_one, at_once, strict=True):
        assert stored(first) == stored(second)

    with acting_for_all("a test"), transaction() as session:
        # a statement, not an attribute: False is no change to the unit of work where 0 stood, and JSON tells them apart
        session.execute(update(Specimen).where(Specimen.id == one_by_one[0]).values(later))
        changed = [(at_once[0], *(later[name] for name in NAMES[1:]))]
        assert bulk.update(Specimen, ["id"], NAMES[1:], changed) == 1
    assert stored(one_by_one[0]) == stored(at_once[0])
    with acting_for_all("a test"):
        session.expire_all()
        fresh = {row.id: row for row in session.scalars(select(Specimen).where(Specimen.id.in_(at_once)))}
        for id_, values in zip(at_once[1:], rows[1:], strict=True):
            assert {name: getattr(fresh[id_], name) for name in NAMES[1:]} == values


def specimens(count: int) -> list[tuple[Any, ...]]:
    return [
        (uuid.UUID(int=n + 1), n, n, Decimal(n), None, None, None, None, f"row {n}", None, n % 2 == 0, [])
        for n in range(count)
    ]


@pytest.mark.usefixtures("drawer")
def test_more_rows_than_one_batch_go_in_and_change() -> None:
    count = 2 * bulk.BATCH + 1
    with acting_for_all("a test"), transaction() as session:
        assert bulk.insert(Specimen, NAMES, iter(specimens(count))) == count
        changes = ((uuid.UUID(int=n + 1), n, n + 1, None) for n in range(count))
        assert bulk.update(Specimen, ("id", "number"), ("number", "short"), changes) == count
        kept = session.execute(text("SELECT count(*), sum(number - amount), count(short) FROM specimen")).one()
        assert tuple(map(int, kept)) == (count, count, 0)
        assert bulk.insert(Specimen, NAMES, []) == bulk.update(Specimen, ("id",), ("number",), []) == 0


@pytest.mark.usefixtures("drawer")
def test_texts_that_a_copy_could_take_for_something_else() -> None:
    """Alone in their column and beside nothing, as one object in many rows and as many."""
    texts = ["\\N", "\\.", "", "a\tb", "a\r\nb", "\\", "\\\\N", "{1}", '"', "ℵ🜨"]
    rows = [
        (uuid.uuid4(), number, short, long, True, ["\t", short])
        for number, short in enumerate(texts)
        for long in (None, texts[0], f"{short}{number}", *[short] * 6)
    ]
    with acting_for_all("a test"), transaction() as session:
        assert bulk.insert(Specimen, ("id", "number", "short", "long", "is_on", "answers"), rows) == len(rows)
        found = session.execute(
            select(Specimen.id, Specimen.number, Specimen.short, Specimen.long, Specimen.is_on, Specimen.answers)
        )
        assert {row.id: tuple(row) for row in found} == {row[0]: row for row in rows}


@pytest.mark.usefixtures("drawer")
def test_a_row_that_moved_on_does_not_match() -> None:
    with acting_for_all("a test"), transaction() as session:
        bulk.insert(Specimen, NAMES, specimens(3))
        session.execute(text("UPDATE specimen SET number = 77 WHERE number = 1"))
        changes = [(uuid.UUID(int=n + 1), n, 100 + n) for n in range(4)]  # the second moved on, the fourth never was
        assert bulk.update(Specimen, ("id", "number"), ("number",), changes) == 2
        assert sorted(session.scalars(text("SELECT number FROM specimen"))) == [77, 100, 102]


@pytest.mark.usefixtures("drawer")
def test_sums_begin_and_grow() -> None:
    may, count = BillingMonth(2026, 5), bulk.BATCH + 7
    with acting_for_all("a test"), transaction() as session:
        begun = ((f"kind {n}", may, n, Decimal("0.5")) for n in range(count))
        assert bulk.add(Tally, ("kind", "month"), ("total", "quantity"), begun) == count
        grown = ((f"kind {n}", may, -3, Decimal("0.25")) for n in range(1, count + 1))
        assert bulk.add(Tally, ("kind", "month"), ("total", "quantity"), grown) == count
        kept = {row.kind: (row.total, row.quantity) for row in session.scalars(select(Tally))}
    assert len(kept) == count + 1
    assert kept.pop("kind 0") == (0, Decimal("0.5"))
    assert kept.pop(f"kind {count}") == (-3, Decimal("0.25"))
    assert kept == {f"kind {n}": (n - 3, Decimal("0.75")) for n in range(1, count)}


@pytest.mark.usefixtures("drawer")
def test_it_is_written_in_the_callers_transaction() -> None:
    with acting_for_all("a test"):
        with suppress(ZeroDivisionError), transaction():
            bulk.insert(Specimen, NAMES, specimens(2))
            bulk.update(Specimen, ("id",), ("number",), [(uuid.UUID(int=1), 5)])
            raise ZeroDivisionError
        with transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM specimen")) == 0
            bulk.insert(Specimen, NAMES, specimens(2))
            with pytest.raises(IntegrityError), session.begin_nested():
                bulk.insert(Specimen, NAMES, specimens(3))
        with transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM specimen")) == 2
            bulk.update(Specimen, ("id",), ("number",), [(uuid.UUID(int=1), 5)])  # after a commit, stage and all
            session.execute(delete(Specimen))


@pytest.mark.usefixtures("drawer")
def test_whatever_fails_while_one_batch_changes_and_the_next_is_made_undoes_both() -> None:
    count = bulk.BATCH + 1

    def cut_short() -> Iterator[tuple[uuid.UUID, int]]:
        yield from ((uuid.UUID(int=n + 1), -1) for n in range(bulk.BATCH))
        raise ZeroDivisionError

    with acting_for_all("a test"):
        with transaction():
            bulk.insert(Specimen, NAMES, specimens(count))
        with pytest.raises(ZeroDivisionError), transaction():
            bulk.update(Specimen, ("id",), ("number",), cut_short())
        nameless = ((uuid.UUID(int=n + 1), None) for n in range(count))  # which the column does not take
        with pytest.raises(IntegrityError), transaction():
            bulk.update(Specimen, ("id",), ("number",), nameless)
        with transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM specimen WHERE number >= 0")) == count
            session.execute(delete(Specimen))


@pytest.mark.usefixtures("drawer")
def test_what_cannot_be_kept_is_refused() -> None:
    row = dict(zip(NAMES, specimens(1)[0], strict=True))
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"quantity": Decimal("0.1234567")}, NotExact),
        ({"quantity": LIMIT}, NotExact),
        ({"at": datetime(2026, 11, 2)}, ValueError),
    ]
    with acting_for_all("a test"), transaction() as session:
        for odd, refused in wrong:
            with pytest.raises(refused), session.begin_nested():
                bulk.insert(Specimen, NAMES, [list({**row, **odd}.values())])
        with pytest.raises(ValueError, match="needs"):
            bulk.insert(Specimen, NAMES[:-1], [specimens(1)[0][:-1]])
        with pytest.raises(ValueError, match="12 values"), session.begin_nested():
            bulk.insert(Specimen, NAMES, [*specimens(2), (1,)])
        with pytest.raises(ValueError, match="12 values"), session.begin_nested():
            bulk.insert(Specimen, NAMES, [(1, 2)])
        with pytest.raises(ValueError, match="changed twice"):
            bulk.update(Specimen, ("id",), ("number",), [(uuid.UUID(int=1), 1), (uuid.UUID(int=1), 2)])
        assert bulk.insert(Specimen, NAMES, specimens(1)) == 1


def test_only_the_system_writes_so_and_only_in_a_transaction() -> None:
    with acting_for_all("a test"), pytest.raises(RuntimeError, match="transaction"):
        bulk.insert(History, ["event"], [])
    with viewing(PUBLIC), transaction(), pytest.raises(PermissionError):
        bulk.insert(History, ["event"], [])


def test_tables_that_only_grow_refuse_a_change_of_many_rows_too() -> None:
    entry = make_entry(make_engagement(make_product()), rated=True)
    with acting_for_all("a test"):
        line = db.session.scalars(select(ChargeLine).where(ChargeLine.source_id == entry.id)).one()
        with pytest.raises(Exception, match="append-only"), transaction():
            bulk.update(ChargeLine, ("id",), ("gross_minor",), [(line.id, 1)])


def test_ids_that_the_database_counts_follow_the_rows() -> None:
    """History's ids rise in the order in which rows were given: what is last of a subject is found by its id."""
    entry = make_entry(make_engagement(make_product()), rated=True)
    names = [column.key for column in History.__mapper__.columns if column.key != "id"]
    subject, at = uuid.uuid4(), datetime(2026, 11, 2, tzinfo=UTC)
    with acting_for_all("a test"):
        like = db.session.scalars(select(History).where(History.about_id == entry.id).limit(1)).one()
        said = {name: getattr(like, name) for name in names}
        rows = [
            list({**said, "subject_kind": "test", "subject_id": subject, "sequence": n, "at": at}.values())
            for n in range(1, 9)
        ]
        with transaction():
            bulk.insert(History, names, rows)
        kept = db.session.scalars(select(History).where(History.subject_id == subject).order_by(History.id)).all()
    assert [row.sequence for row in kept] == list(range(1, 9))
    assert {row.at for row in kept} == {at}
