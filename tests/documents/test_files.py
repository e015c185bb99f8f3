"""CSV and XLSX: every digit arrives, nothing runs as a formula, memory holds no list of rows."""

import csv
import io
import tracemalloc
import uuid
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import Column, TooManyRows, csv_chunks, write_xlsx, xlsx_file
from app.documents.csv_stream import CHUNK, harmless, plain_decimal
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money

Entry = namedtuple("Entry", "reference month quantity gross notes at count sure")
COLUMNS = (
    Column("Reference", "reference"),
    Column("Month", "month"),
    Column("Quantity", "quantity"),
    Column("Amount", "gross"),
    Column("Currency", lambda row: row.gross and row.gross.currency),
    Column("Notes", "notes"),
    Column("Submitted at (UTC)", "at"),
    Column("Count", "count"),
    Column("Sure", "sure"),
)
ROW = Entry(
    "ENG-1", BillingMonth(2026, 10), Decimal("12.500000"), Money(Decimal("-1777.50"), "USD"), '=cmd|"/c calc"!A1, \u0141\u00f3d\u017a\r\nline two',
    datetime(2026, 11, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), -3, True,
)  # fmt: skip
EMPTY = Entry(uuid.UUID(int=1), None, None, None, None, None, 0, False)


def read(rows: list[Any]) -> list[list[str]]:
    whole = b"".join(csv_chunks(COLUMNS, rows))
    return list(csv.reader(io.StringIO(whole.decode(), newline="")))


def test_csv() -> None:
    head, first, empty = read([ROW, EMPTY])
    assert head[:3] == ["Reference", "Month", "Quantity"]
    assert first == [
        "ENG-1",
        "2026-10",
        "12.50",
        "-1777.50",
        "USD",
        "'" + ROW.notes,
        "2026-11-01T00:02:03Z",
        "-3",
        "yes",
    ]
    assert empty == [str(uuid.UUID(int=1)), "", "", "", "", "", "", "0", "no"]
    whole = b"".join(csv_chunks(COLUMNS, [ROW]))
    assert whole.startswith(b"Reference,Month")
    assert whole.endswith(b"yes\r\n")


@pytest.mark.parametrize("text", ["=1+1", "+1 555", "-2", "@SUM(A1)", " =1", "\uff1d1", "\u00a0@x", "\ta", "'=1"])
def test_formulas_are_text(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ("a; @SUM(1);+2", "a; '@SUM(1);'+2"),
        ('a;"=1', "a;\"'=1"),
        ("a\t-1", "a\t'-1"),
        ("a\n=1", "a\n'=1"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_no_formula_stands_behind_what_may_be_taken_for_the_end_of_a_cell(text: str, written: str) -> None:
    """Where the comma is the decimal mark, a spreadsheet splits at semicolons, and quotes within a cell are no quotes to it."""
    assert harmless(text) == written


@pytest.mark.parametrize("text", ["", "a=b", "Acme - north", "1 = 1", "  plain", "\u2212 5"])
def test_other_text_is_untouched(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("12.500000", "12.50"),
        ("12", "12"),
        ("1E+3", "1000"),
        ("0.000125", "0.000125"),
        ("12.0", "12.0"),
        ("99999999999.999999", "99999999999.999999"),
        ("-0.10", "-0.10"),
    ],
)
def test_decimals(value: str, written: str) -> None:
    assert plain_decimal(Decimal(value)) == written


@given(
    st.lists(
        st.tuples(
            st.text(),
            st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**11), max_value=10**11),
        ),
        max_size=30,
    )
)
def test_what_is_written_is_read_again(rows: list[tuple[str, Decimal]]) -> None:
    rows = [(text.replace("\x00", "").encode("utf-8", "ignore").decode(), figure) for text, figure in rows]
    columns = (Column("t", lambda r: r[0]), Column("d", lambda r: r[1]))
    again = list(csv.reader(io.StringIO(b"".join(csv_chunks(columns, rows)).decode(), newline="")))[1:]
    assert [(t, Decimal(d)) for t, d in again] == [(harmless(t), d) for t, d in rows]


def test_a_float_is_refused() -> None:
    columns = (Column("x", "x"),)
    with pytest.raises(TypeError):
        list(csv_chunks(columns, [SimpleNamespace(x=1.5)]))
    with pytest.raises(TypeError):
        write_xlsx(columns, [SimpleNamespace(x=1.5)], io.BytesIO())


def many(number: int) -> Iterator[Entry]:
    return (ROW._replace(reference=f"ENG-{n}", notes="some words " * 10) for n in range(number))


def test_csv_holds_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    tracemalloc.start()
    try:
        sizes = [len(chunk) for chunk in csv_chunks(COLUMNS, many(20_000))]
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(sizes) > 3_000_000
    assert max(sizes) < CHUNK * 2
    assert peak < 2_000_000


def test_xlsx() -> None:
    out = io.BytesIO()
    assert write_xlsx(COLUMNS, [ROW, EMPTY], out, sheet="Billing entries") == 2
    book = zipfile.ZipFile(out)
    assert book.testzip() is None
    page = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in page  # no formula
    assert "=cmd|" in page
    assert "<v>-1777.50</v>" in page
    assert "<v>12.500000</v>" in page
    assert "2026-10" in page
    assert "hyperlink" not in page


def test_xlsx_keeps_digits_it_would_lose_as_text() -> None:
    out = io.BytesIO()
    write_xlsx(
        (Column("x", "x"),),
        [SimpleNamespace(x=Decimal("99999999999.999999")), SimpleNamespace(x=Decimal("90071992547409.91"))],
        out,
    )
    page = zipfile.ZipFile(out).read("xl/worksheets/sheet1.xml").decode()
    assert "99999999999.999999" in page
    assert "90071992547409.91" in page


def test_xlsx_with_hostile_text() -> None:
    out = io.BytesIO()
    hostile = ["\x00\x1b\x08", "x" * 40_000, "<b>&", "\ufffe", "http://x.example", "_x0041_", ""]
    write_xlsx((Column("x", "x"),), [SimpleNamespace(x=text) for text in hostile], out)
    from xml.etree import ElementTree

    ElementTree.fromstring(zipfile.ZipFile(out).read("xl/worksheets/sheet1.xml"))


def test_xlsx_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 10)
    assert write_xlsx(COLUMNS, many(9), io.BytesIO()) == 9
    with pytest.raises(TooManyRows):
        write_xlsx(COLUMNS, many(10), io.BytesIO())


def test_instants_are_utc_in_both() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert read([ROW._replace(at=at)])[1][6] == "2026-11-01T00:00:00Z"
