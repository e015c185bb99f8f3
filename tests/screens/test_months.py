"""Months on the operator's screens: the list, the checklist, closing, and reopening by two people."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.months.model import Month
from tests.makers import freeze_month
from tests.page import Fragment, Page
from tests.people import People, fill
from tests.screens.billing_stage import HTMX, OCTOBER, Stage, at, rate_now, set_stage, utc
from tests.screens.engagement_stage import statements

TODAY = utc(2026, 11, 20, 9)
PATH = "/months/2026-10"
HERE = f"{PATH}/reject-after-grace"
As = Callable[[str], FlaskClient]


@pytest.fixture
def stage(app: Flask, people: People) -> Iterator[Stage]:
    """October is frozen in both books; 12 h are not rated yet."""
    with at(TODAY):
        made = set_stage(app, people)
        with app.app_context():
            freeze_month(OCTOBER)
            freeze_month(OCTOBER, book="roll-forward")
            db.session.remove()
        yield made


@pytest.fixture
def ready(app: Flask, stage: Stage) -> Stage:
    rate_now(app, stage.night)
    return stage


def state(app: Flask, book: str = "reject-after-grace") -> str:
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(Month.state).where(Month.month == OCTOBER, Month.book == book)).one()


def test_the_list_of_every_books_months(app: Flask, ready: Stage, as_: As) -> None:
    olga = as_("olga")
    page = Page(olga.get("/months"))
    page.check()
    assert page.text.count("October 2026") >= 2 and "Frozen, not closed" in page.text
    assert "USD 21,147.34" in page.text
    Fragment(olga.get("/months", headers=HTMX)).check()
    one = Page(olga.get("/months?book=roll-forward&status=frozen"))
    one.check()
    assert len(one.soup.select("#results tbody tr")) == 1
    assert "October" not in Page(olga.get("/months?status=closed")).soup.select_one("#results").text
    with statements(app) as asked:
        olga.get("/months", headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 3, asked
    assert "2026-10" in olga.get("/months.csv").text and "21147.34" in olga.get("/months.csv").text.replace(",", "")
    assert olga.get("/months.xlsx").status_code == 200


def test_the_checklist_says_what_is_in_the_way(stage: Stage, as_: As) -> None:
    page = Page(as_("olga").get(PATH))
    page.check()
    assert "Close waits for 1 of 8 checks" in page.text
    assert f"{stage.night.number} (Northbridge); 1 overdue" in page.text
    assert "USD 1,815.00" in page.text or "provisional" in page.text
    assert page.soup.select(".checks .failed a[href='/reviews/rating']")
    button = page.soup.select_one(".month-actions [aria-describedby='reject-after-grace-why']")
    assert button is not None and button.get("href") is None  # disabled, and the notice says why
    Fragment(as_("olga").get(PATH, headers=HTMX)).check()


def test_olga_closes_the_month(app: Flask, ready: Stage, as_: As) -> None:
    olga = as_("olga")
    page = Page(olga.get(PATH))
    page.check()
    assert page.text.count("Ready to close") >= 2
    Page(olga.get(f"{HERE}/close")).check()
    Fragment(olga.get(f"{HERE}/close", headers=HTMX)).check()
    assert fill(olga, f"{HERE}/close").status_code == 303
    assert (state(app), state(app, "roll-forward")) == ("closed", "frozen")
    closed = Page(olga.get(PATH))
    closed.check()
    assert "Root hash" in closed.text and "Olga Reyes" in closed.text
    lines, stored = (
        [cell.text.strip() for cell in row.select("td")]
        for row in closed.soup.select("#reject-after-grace table tbody tr")[:2]
    )
    assert lines[1] == lines[2] == lines[3] and lines[4] == "0"
    assert stored[1] == stored[2] == stored[3]
    again = olga.get(f"{HERE}/close")
    assert again.status_code == 409 and "The month has changed meanwhile" in again.text


def test_a_part_says_which_programmes_and_what_closed_means(app: Flask, ready: Stage, as_: As) -> None:
    """ "closed" is the month's own word: what its clock did is its cut-off, before the close, after it and once reopened."""
    olga, otto = as_("olga"), as_("otto")

    def part() -> tuple[Page, str]:
        page = Page(olga.get(PATH))
        assert not page.soup.select(".page-head .tag")  # two books: which one is ready stands at its own head
        return page, page.soup.select_one("#reject-after-grace .month-head .grow").text

    page, head = part()
    assert page.soup.select_one("#reject-after-grace-title").text.startswith("Professional services")
    assert "Reject after grace" in head and "cut-off 3 Nov 2026 00:00 UTC" in head and "closed" not in head
    fill(olga, f"{HERE}/close")
    assert "cut-off 3 Nov 2026" in part()[1] and "Closed" in part()[1]
    fill(olga, f"{HERE}/reopen", reason="Two entries were lost.")
    fill(otto, f"{HERE}/confirm-reopening")
    assert "Reopened" in part()[1] and "closed" not in part()[1].lower()


def test_nobody_has_looked_is_no_pass(app: Flask, ready: Stage, as_: As) -> None:
    page = Page(as_("olga").get(PATH))
    line = page.soup.find("b", string="History chains verify").find_parent("li")
    assert "the hourly check has not run yet" in line.text and not line.select(".ok, .no")
    assert "7 passed 1 not looked at yet" in " ".join(
        page.soup.select_one("#reject-after-grace .tile-head .end").text.split()
    )


def test_a_close_that_is_not_ready_says_why(app: Flask, stage: Stage, as_: As) -> None:
    answer = fill(as_("olga"), f"{HERE}/close")
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert "October 2026 cannot be closed yet" in page.text and stage.night.number in page.text
    assert state(app) == "frozen"


def test_reopening_by_two_people(app: Flask, ready: Stage, as_: As) -> None:
    olga, otto, ada = as_("olga"), as_("otto"), as_("ada")
    fill(olga, f"{HERE}/close")
    assert fill(olga, f"{HERE}/reopen", reason="").status_code == 422
    assert fill(olga, f"{HERE}/reopen", reason="x" * 1_000_000).status_code == 422
    assert fill(olga, f"{HERE}/reopen", reason="Two entries were lost.").status_code == 303
    mine = Page(olga.get(PATH))
    mine.check()
    assert not mine.soup.select(f"a[href='{HERE}/confirm-reopening']")
    assert fill(olga, f"{HERE}/confirm-reopening").status_code == 422
    assert state(app) == "closed"
    assert "Months 1" in Page(otto.get("/")).text  # the side menu counts it for the second person
    theirs = Page(otto.get(PATH))
    theirs.check()
    assert "Two entries were lost." in theirs.text
    Page(otto.get(f"{HERE}/confirm-reopening")).check()
    assert fill(otto, f"{HERE}/confirm-reopening").status_code == 303
    assert state(app) == "reopened"
    assert otto.get(f"{HERE}/confirm-reopening").status_code == 409
    form = Page(ada.get(f"{ready.path}/new"))
    form.check()
    assert "October 2026" in form.text and "reopened until the operator closes it again" in form.text
    home = Page(ada.get("/"))
    home.check()
    assert "October 2026 was reopened" in home.text
    assert fill(olga, f"{HERE}/freeze").status_code == 303
    assert state(app) == "frozen"
    assert "October 2026" not in Page(ada.get(f"{ready.path}/new")).soup.select_one("form#add-entry .cards").text


def test_a_wish_is_declined(app: Flask, ready: Stage, as_: As) -> None:
    fill(as_("olga"), f"{HERE}/reopen", reason="Perhaps")
    assert fill(as_("otto"), f"{HERE}/decline-reopening").status_code == 303
    page = Page(as_("olga").get(PATH))
    page.check()
    assert "declined" in page.text and state(app) == "frozen"


def test_frozen_months_are_offered_nowhere(app: Flask, people: People, as_: As) -> None:
    """The clock ran ahead to December and came back to November: November is frozen, though its time is not over."""
    with at(TODAY):
        stage = set_stage(app, people)
        with app.app_context():
            freeze_month(OCTOBER)
            freeze_month(BillingMonth(2026, 11))
            db.session.remove()
        ada = as_("ada")
        form = Page(ada.get(f"{stage.path}/new"))
        form.check()
        assert "No month is open for this engagement" in form.text
        for path in ("/", stage.here, stage.path, f"{stage.here}/mark-complete"):
            page = Page(ada.get(path))
            page.check()
            assert "November 2026 closes" not in page.text
        assert Page(as_("olga").get("/")).problems() == []


@pytest.mark.parametrize("verb", ["", "/close", "/freeze", "/reopen", "/confirm-reopening", "/decline-reopening"])
def test_who_may(ready: Stage, as_: As, verb: str) -> None:
    path = f"{HERE}{verb}" if verb else PATH
    for person in ("ada", "cy", "dot"):
        assert as_(person).get(path).status_code == 403
    assert as_("nobody").get(path).status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "/months/2026-13", "/months/２０２６-10", "/months/2030-01", "/months/9999-12", "/months/%00", "/months/2026-10/no-book/close",
        "/months/2026-10/%00/reopen", "/months/" + "9" * 4000,
    ],
)  # fmt: skip
def test_no_such_month(ready: Stage, as_: As, path: str) -> None:
    assert as_("olga").get(path).status_code == 404
