"""Bulk entry by file: the template, rows read with every cell hostile, a preview by row and column, nothing twice."""

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.billing import actions
from app.billing.model import BillingEntry
from app.foundation.database import db
from app.foundation.tenancy import one, viewing
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Page
from tests.people import People
from tests.screens.billing_stage import add_set_up_metric, at, entries, set_stage
from tests.screens.engagement_stage import statements

PATH = "/engagements/bulk-entry/upload"
As = Callable[[str], FlaskClient]
HEAD = "Engagement,Month,Quantity,Notes,Reference\n"


@pytest.fixture(autouse=True)
def on_the_first() -> Any:
    with at():
        yield


@pytest.fixture
def fleet(app: Flask, people: People) -> list[Any]:
    with app.app_context():
        product = make_product(make_programme(), people.northbridge, bands=[(None, "100")], step="0.25")
        made = [make_engagement(product, people.acme, name=f"=Watch {n:02d}") for n in range(5)]
        db.session.remove()
    return made


def upload(client: FlaskClient, content: str | bytes, **more: str) -> Any:
    hidden = Page(client.get(PATH)).soup.select("form#upload input[type=hidden]")
    body = {str(one["name"]): str(one["value"]) for one in hidden} | {"do": "preview"} | more
    raw = content.encode() if isinstance(content, str) else content
    answer = client.post(PATH, data={**body, "file": (BytesIO(raw), "october.csv")}, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # the client's own file, where the body was large
    return answer


def submit(client: FlaskClient, page: Any, do: str = "submit-all", **more: str) -> Any:
    form = Page(page).soup.select_one("form#sheet")
    body = {
        str(one["name"]): str(one.get("value", ""))
        for one in form.select("input[name]")
        if one.get("type") != "checkbox" or one.has_attr("checked")
    }
    return client.post(PATH, data=body | {"do": do} | more)


def rows_of(fleet: list[Any], *quantities: str, month: str = "2026-10", notes: str = "") -> str:
    return HEAD + "".join(f"{e.number},{month},{q},{notes},\n" for e, q in zip(fleet, quantities, strict=False))


def count(app: Flask, fleet: list[Any]) -> list[int]:
    return [len(entries(app, e)) for e in fleet]


def test_who_may(fleet: list[Any], as_: As) -> None:
    page = Page(as_("ada").get(PATH))
    page.check()
    for path in (PATH, "/engagements/bulk-entry/template.csv"):
        assert as_("ada").get(path).status_code == 200
        for person, status in (("ben", 403), ("dot", 403), ("olga", 403), ("nobody", 302)):
            assert as_(person).get(path).status_code == status, person


def test_the_template_filled_in_is_what_it_reads(app: Flask, fleet: list[Any], people: People, as_: As) -> None:
    ada = as_("ada")
    text = ada.get("/engagements/bulk-entry/template.csv?search=Watch").text
    lines = list(csv.DictReader(StringIO(text)))
    assert len(lines) == 5
    assert list(lines[0]) == ["Engagement", "Client", "Name", "Metric", "Month", "Quantity", "Notes", "Reference"]
    assert {line["Name"][:7] for line in lines} == {"'=Watch"}
    assert {(line["Client"], line["Metric"], line["Month"], line["Quantity"]) for line in lines} == {
        ("Acme", "Hours", "2026-10", "")
    }
    assert "No row of the file has a quantity" in Page(upload(ada, text)).text
    for line in lines[:3]:
        line["Quantity"] = "2"
    out = StringIO()
    writer = csv.DictWriter(out, list(lines[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(lines)
    page = upload(ada, b"\xef\xbb\xbf" + out.getvalue().encode())
    shown = Page(page)
    shown.check()
    assert "3 rows are ready, USD 600.00" in shown.text and "2 rows without a quantity left out" in shown.text
    assert Page(as_("cy").get(PATH)).soup.select_one("#upload")
    assert len(as_("cy").get("/engagements/bulk-entry/template.csv").text.splitlines()) == 1


def test_the_same_file_twice_makes_nothing_twice(app: Flask, fleet: list[Any], as_: As) -> None:
    ada, file = as_("ada"), rows_of(fleet, "1", "2", "3")
    preview = upload(ada, file)
    first = submit(ada, preview)
    assert first.status_code == 200 and "3 entries submitted" in Page(first).text
    Page(first).check()
    resent = submit(ada, preview)  # a reload of the answer
    assert resent.status_code == 200 and "All 3 rows were submitted before; nothing to submit" in Page(resent).text
    again = Page(upload(ada, file))
    assert again.text.count("submitted before, not billed again") == 3
    assert "All 3 rows were submitted before; nothing to submit" in again.text
    more = Page(upload(ada, file + f"{fleet[3].number},2026-10,4,,\n"))
    assert "3 rows were submitted before and are not billed again" in more.text
    assert not again.soup.select("input[type=checkbox]")
    assert count(app, fleet) == [1, 1, 1, 0, 0]


def test_a_row_with_more_cells_than_the_head_is_refused_whole(app: Flask, fleet: list[Any], as_: As) -> None:
    numbers = [engagement.number for engagement in fleet]
    file = (
        HEAD
        + f"{numbers[0]},2026-10,1,On call, nights, and weekends,\n{numbers[1]},2026-10,2\n{numbers[2]},2026-10,3,,,,\n"
    )
    page = upload(as_("ada"), file)
    shown = Page(page)
    shown.check()
    assert page.status_code == 422 and "2 rows are ready" in shown.text
    assert "Row 2: it has 7 cells, the head has 5." in " ".join(shown.soup.select_one(".notice.errors").text.split())
    assert "it has 7 cells" in shown.soup.select_one("#row-2").text
    submit(as_("ada"), page)
    assert count(app, fleet) == [0, 1, 1, 0, 0], "empty cells at a row's end, left out or too many, lose nothing"


def test_equal_rows_are_two_pieces_of_work_and_a_corrected_file_adds_just_its_new_row(
    app: Flask, fleet: list[Any], as_: As
) -> None:
    ada, number = as_("ada"), fleet[0].number
    twice = HEAD + f"{number},2026-10,8,Shift,\n" * 2
    assert "2 entries submitted" in Page(submit(ada, upload(ada, twice))).text
    page = upload(ada, twice + f"{number},2026-10,8,Shift,\n{number},2026-10,1,Late,\n")
    shown = Page(page)
    assert shown.text.count("submitted before, not billed again") == 2
    assert "Looks like" in shown.soup.select_one("#row-4").text, "the third equal row is asked about, and may go in"
    assert count(app, fleet)[0] == 2
    ticked = Page(submit(ada, page, "submit"))
    assert "1 entry submitted" in ticked.text and count(app, fleet)[0] == 3
    assert "1 entry submitted" in Page(submit(ada, page, "submit-all")).text and count(app, fleet)[0] == 4


def test_a_reference_is_the_partners_own_key(app: Flask, fleet: list[Any], as_: As) -> None:
    ada, number = as_("ada"), fleet[0].number
    for reference in ("T-1", "T-2"):
        submit(ada, upload(ada, HEAD + f"{number},2026-10,8,Shift,{reference}\n"))
    assert count(app, fleet)[0] == 2, "equal rows of two files, told apart by their references"
    changed = upload(ada, HEAD + f"{number},2026-10,9,Shift,T-1\n")
    assert changed.status_code == 422
    assert "said something else" in Page(changed).soup.select_one("#row-2").text


def test_errors_stand_by_row_and_column_and_the_good_rows_go_in(app: Flask, fleet: list[Any], as_: As) -> None:
    ada, n = as_("ada"), [e.number for e in fleet]
    file = HEAD + (
        f"{n[0]},2026-10,1,,\n"
        f"{n[1]},2026-10,1.1,,\n\n"
        f"ENG-9,2026-10,1,,\n"
        f"{n[2]},2026-08,1,,\n"
        f'{n[3]},October,"1,5",{"x" * 501},\n'
    )
    page = upload(ada, file)
    shown = Page(page)
    shown.check()
    assert page.status_code == 422
    assert "4 rows need correcting" in shown.text
    for row, words in (
        ("3", ["steps of 0.25"]),
        ("5", ["There is no such engagement."]),
        ("6", ["August 2026 closed"]),
        ("7", ["write it as 2026-10", "without a comma", "500 fit"]),
    ):
        said = shown.soup.select_one(f"#row-{row}").text
        assert all(one in said for one in words), (row, said)
    result = Page(submit(ada, page))
    assert "1 entry submitted" in result.text
    assert count(app, fleet) == [1, 0, 0, 0, 0]


def test_what_a_spreadsheet_does_on_the_way_is_undone(app: Flask, fleet: list[Any], as_: As) -> None:
    ada = as_("ada")
    file = f"engagement;MONTH;Quantity;Notes;Extra\r\n{fleet[0].number.lower()};Oct-26;12,50;'=SUM(A1);x\r\n"
    page = upload(ada, b"\xef\xbb\xbf" + file.encode())
    assert page.status_code == 200, Page(page).text
    submit(ada, page)
    (entry,) = entries(app, fleet[0])
    assert (str(entry.service_month), str(entry.quantity.normalize()), entry.notes) == ("2026-10", "12.5", "=SUM(A1)")


def test_a_plan_with_several_metrics_names_one(app: Flask, people: People, as_: As) -> None:
    stage = set_stage(app, people)
    add_set_up_metric(app, stage)
    ada, number = as_("ada"), stage.engagement.number
    head = "Engagement,Metric,Month,Quantity\n"
    bare = Page(upload(ada, head + f"{number},,2026-10,1\n"))
    assert "Choose one of the plan's metrics." in bare.soup.select_one("#row-2").text
    for name in ("Set-up", "SET-UP", "set-up"):
        assert upload(ada, head + f"{number},{name},2026-10,1\n").status_code == 200
    assert len(ada.get("/engagements/bulk-entry/template.csv").text.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"  \n\n ", "The file is empty"),
        (b"\xff\xfeE\x00n\x00g\x00", "not UTF-8"),
        ("é".encode("latin-1"), "not UTF-8"),
        (b"Engagement,Month,Quantity\nENG-1,\x00,1\n", "not a CSV file"),
        (b"a,b,c\n1,2,3\n", "missing: Engagement, Month, Quantity"),
        (b"Engagement,Month,Quantity,quantity\n", "is there twice"),
        (b'Engagement,Month,Quantity\nENG-1,"2026-10,1\n', "Row 2 cannot be read"),
        (b"Engagement,Month,Quantity\n" + b"ENG-1,2026-10,1\n" * 1001, "at most 1,000 rows"),
        (b"Engagement,Month,Quantity\n" + b"x" * 1_100_000, "larger than 1 MB"),
        (b"Engagement,Month,Quantity\n" + b"x" * 200_000 + b",2026-10,1\n", "cannot be read"),
        (b"PK\x03\x04\x14\x00", "not a CSV file"),
    ],
)  # fmt: skip
def test_what_is_no_such_file(fleet: list[Any], as_: As, content: bytes, words: str) -> None:
    answer = upload(as_("ada"), content)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422
    assert words in page.text


@pytest.mark.parametrize("cell", ["1e400", "NaN", "１２", "x" * 100_000, "🙂", "'", '""""', "\u202e1", "%(x)s", "<b>&"])
def test_hostile_cells(app: Flask, fleet: list[Any], as_: As, cell: str) -> None:
    ada = as_("ada")
    out = StringIO()
    csv.writer(out).writerows(
        [HEAD.strip().split(","), [cell, cell, cell, cell, cell], [fleet[0].number, cell, cell, cell, cell]]
    )
    answer = upload(ada, out.getvalue())
    if cell not in ("NaN", "%(x)s"):  # which the house style takes for a slip of ours
        Page(answer).check()
    assert answer.status_code == 422
    if Page(answer).soup.select("form#sheet"):
        assert submit(ada, answer).status_code == 422
    assert count(app, fleet) == [0] * 5


def test_another_partners_engagement_reads_like_none(app: Flask, people: People, fleet: list[Any], as_: As) -> None:
    page = Page(upload(as_("cy"), rows_of(fleet, "1")))
    assert "There is no such engagement." in page.text
    assert "Watch" not in page.text and "Acme" not in page.text


def test_the_preview_cannot_be_changed_or_borrowed(app: Flask, fleet: list[Any], people: People, as_: As) -> None:
    ada, abe = as_("ada"), as_("abe")
    preview = upload(ada, rows_of(fleet, "1"))
    signed = str(Page(preview).soup.select_one("form#sheet input[name=sheet]")["value"])
    for wrong in ("", "x", signed[:-3] + "abc"):
        assert "not valid any more" in Page(submit(ada, preview, sheet=wrong)).text
    theirs = upload(abe, rows_of(fleet, "1"))
    assert "not valid any more" in Page(submit(abe, theirs, sheet=signed)).text
    assert submit(ada, preview, rendered_for=f"{people.acme.id}:customer").status_code == 409
    assert count(app, fleet)[0] == 0


def test_a_row_that_looks_like_an_entry_made_by_hand(app: Flask, fleet: list[Any], as_: As) -> None:
    with app.app_context():
        make_entry(fleet[0], "4")
    ada = as_("ada")
    page = upload(ada, rows_of(fleet, "4", "2", month="2026-11"))
    assert not Page(page).soup.select_one('input[name="pick-2"]').has_attr("checked")
    assert "1 entry submitted" in Page(submit(ada, page, "submit")).text
    assert count(app, fleet) == [1, 1, 0, 0, 0]


def test_a_thousand_rows(app: Flask, fleet: list[Any], as_: As) -> None:
    ada = as_("ada")
    file = HEAD + "".join(f"{fleet[n % 5].number},2026-10,1,Ticket {n},\n" for n in range(1000))
    page = upload(ada, file)
    assert page.status_code == 200
    with statements(app) as seen:
        answer = submit(ada, page)
    assert "1000 entries submitted" in Page(answer).text
    assert len(seen) <= 60, len(seen)
    assert count(app, fleet) == [200] * 5


def test_a_repeat_of_what_was_withdrawn_says_so(app: Flask, fleet: list[Any], people: People, as_: As) -> None:
    ada, file = as_("ada"), rows_of(fleet, "1", "2")
    submit(ada, upload(ada, file))
    with app.app_context(), viewing(people.viewer("ada")) as by:
        actions.withdraw(one(BillingEntry, entries(app, fleet[0])[0].id), by=by)
    page = Page(upload(ada, file))
    assert "then rejected or withdrawn" in page.soup.select_one("#row-2").text
    assert "not billed again" in page.soup.select_one("#row-3").text
    submit(ada, upload(ada, HEAD + f"{fleet[0].number},2026-10,1,,second try\n"))
    assert count(app, fleet) == [2, 1, 0, 0, 0]
