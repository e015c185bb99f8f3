"""The file of bulk entry as it is read: encodings, separators, heads, numbers of rows, and how a row is known again."""

import csv
import uuid
from contextlib import suppress
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.actions import Draft
from app.billing.batch import Line
from app.documents import Column, csv_chunks
from app.documents.csv_stream import as_written, harmless
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import Refused
from app.web.bulk_file import FileRow, record_keys, sheet_of, text_of

HEAD = "Engagement,Month,Quantity,Notes\n"


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    sheet = sheet_of(HEAD + 'E1,2026-10,1,"two\nlines"\n\n,,,\nE2,2026-10,,\nE3,2026-10,2\n')
    assert [(row.number, row.cells["engagement"]) for row in sheet.rows] == [(2, "E1"), (6, "E3")]
    assert sheet.rows[0].cells["notes"] == "two\nlines"
    assert sheet.left_empty == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_separators_marks_and_line_ends(separator: str, mark: bytes, ending: str) -> None:
    lines = [["Quantity", "Engagement", "Month", "Whatever"], ["1.5", "E1", "2026-10", 'say "x"']]
    out = StringIO()
    csv.writer(out, delimiter=separator, lineterminator=ending).writerows(lines)
    (row,) = sheet_of(text_of(mark + out.getvalue().encode())).rows
    assert (row.cells["engagement"], row.cells["quantity"], row.cells["month"]) == ("E1", "1.5", "2026-10")


@pytest.mark.parametrize(
    ("written", "month"),
    [("Oct-26", "2026-10"), ("oct 2026", "2026-10"), ("October-26", "2026-10"), ("Foo-26", "Foo-26"), ("2026-10", "2026-10")],
)  # fmt: skip
def test_months_that_a_spreadsheet_rewrote(written: str, month: str) -> None:
    assert sheet_of(HEAD + f"E1,{written},1,\n").rows[0].cells["month"] == month


def test_only_surplus_cells_that_say_something_are_marked() -> None:
    sheet = sheet_of(HEAD + "E1,2026-10,1,a,b\nE2,2026-10,1,a,,, \nE3,2026-10,1\nE4,,,,late\n")
    assert [(row.number, row.surplus) for row in sheet.rows] == [(2, (5, 4)), (3, None), (4, None), (5, (5, 4))]
    assert sheet.left_empty == 0


def test_a_decimal_comma_counts_where_the_comma_does_not_separate() -> None:
    with_semicolons = sheet_of("Engagement;Month;Quantity\nE1;2026-10;12,50\nE1;2026-10;1.200,50\n")
    assert [row.cells["quantity"] for row in with_semicolons.rows] == ["12.50", "1.200,50"]
    assert sheet_of(HEAD + 'E1,2026-10,"12,50",\n').rows[0].cells["quantity"] == "12,50"


@given(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(";\t\n\r='\"-a ", max_size=8)))
def test_what_our_files_write_comes_back(text: str) -> None:
    assert as_written(harmless(text)) == text


@pytest.mark.parametrize("text", ["'", "''", "'plain", "'12"])
def test_an_apostrophe_of_somebody_elses_stays(text: str) -> None:
    assert as_written(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), max_size=8))
def test_notes_survive_our_own_file(notes: list[str]) -> None:
    columns = (
        Column("Engagement", lambda _: "E1"), Column("Month", lambda _: "2026-10"),
        Column("Quantity", lambda _: "1"), Column("Notes", lambda note: note),
    )  # fmt: skip
    text = text_of(b"".join(csv_chunks(columns, notes)))
    assert [row.cells["notes"] for row in sheet_of(text).rows] == [note.strip() for note in notes]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for content in (text, HEAD + text):
        with suppress(Refused):
            sheet_of(text_of(content.encode("utf-8", "surrogatepass")))


def test_how_a_row_is_known_again() -> None:
    engagement, metric = uuid.uuid4(), uuid.uuid4()

    def keys(*quantities: str, reference: str = "") -> list[str]:
        key_of = record_keys()
        return [
            key_of(FileRow(2, {"reference": reference}),
                   Line("", engagement, Draft(metric, BillingMonth(2026, 10), Decimal(quantity), " a ")))
            for quantity in quantities
        ]  # fmt: skip

    first = keys("8", "8", "2")
    assert len(set(first)) == 3
    assert keys("2.00", "8.0", "8") == [first[2], *first[:2]], "order and spelling do not count"
    assert set(first) < set(keys("8", "8", "8", "2"))
    assert keys("8", reference="T-1") == ["T-1"]
