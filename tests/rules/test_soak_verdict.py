"""The soak's judge notices what it is there for: a write that is lost, doubled or changed, a failure that nothing explains."""

from typing import Any

import pytest

from benchmarks.soak import verdict
from benchmarks.soak.books import DECISION, ENTRY, REQUEST, REVIEW, WITHDRAWAL, Answer, Books
from benchmarks.soak.killing import Fate
from benchmarks.soak.memory import Growth
from benchmarks.soak.pages import forms_of
from benchmarks.soak.rows import Event, Rows

CREATED = Event("engagement_created", "", "", "pending")
APPROVED = Event("request_approved", "", "pending", "active")


def written() -> tuple[Books, Rows]:
    """One request that was approved, one entry that was rated, another one that was taken back; all of it well."""
    books = Books()
    for kind, who, what, subject, status, result in (
        (REQUEST, "dot", "Soak a", "", 303, "e-1"),
        (DECISION, "ada", "approve", "e-1", 303, ""),
        (DECISION, "abe", "approve", "e-1", 409, ""),
        (ENTRY, "ada", "Soak b", "", 303, ""),
        (ENTRY, "ada", "Soak c", "", 201, "b-2"),
        (WITHDRAWAL, "ada", "Soak c", "b-2", 200, ""),
        (REVIEW, "olga", "approve", "b-1", 303, ""),
        (REVIEW, "otto", "approve", "b-1", 409, ""),
    ):
        write = books.wanted(kind, who, what, subject)
        write.status, write.result = status, result
    submitted = Event("billing_submitted", "b1", "", "submitted")
    rows = Rows(
        engagements={"Soak a": [("e1", "active")]},
        entries={"Soak b": [("b1", "rated")], "Soak c": [("b2", "withdrawn")]},
        entry_states={"b1": "rated", "b2": "withdrawn"},
        history={"e1": [CREATED, APPROVED]},
        about={
            "b1": [submitted, Event("billing_rated", "b1", "submitted", "rated")],
            "b2": [submitted, Event("billing_withdrawn", "b2", "submitted", "withdrawn")],
        },
        charged={"b1": 1},
    )
    return books, rows


def problems(books: Books, rows: Rows, fate: Fate | None = None) -> list[str]:
    return [problem for finding in verdict.judge(books, rows, fate or Fate()) for problem in finding.problems]


def test_what_is_well_is_well() -> None:
    assert problems(*written()) == []


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("entries", "Soak b", [], "is there 0 times"),
        ("entries", "Soak b", [("b1", "rated"), ("b9", "rated")], "is there 2 times"),
        ("entries", "Soak c", [("b7", "withdrawn")], "was answered b-2 and is b7"),
        ("engagements", "Soak a", [("e1", "pending")], "its History ends with active"),
        ("history", "e1", [CREATED], "answered but not in History {'request_approved': 1}"),
        ("history", "e1", [CREATED, APPROVED, APPROVED], "in History but not answered {'request_approved': 1}"),
        ("about", "b1", [], "was submitted 0 times"),
        ("charged", "b1", 2, "has 2 charge lines"),
        ("charged", "b2", 1, "is withdrawn and has 1 charge lines"),
        ("entry_states", "b2", "rated", "was answered 200, and it is rated"),
        ("entry_states", "b1", "rejected", "entry b1 is rejected"),
    ],
)
def test_what_is_lost_doubled_or_changed_is_told(part: str, key: str, value: Any, said: str) -> None:
    books, rows = written()
    getattr(rows, part)[key] = value
    assert any(said in problem for problem in problems(books, rows)), problems(books, rows)


def test_what_was_never_answered_may_be_there_once() -> None:
    books, rows = written()
    next(write for write in books.writes if write.what == "Soak b").status = None
    assert problems(books, rows) == []
    del rows.entries["Soak b"]
    assert problems(books, rows) == []


def test_two_who_were_told_that_they_decided_are_one_too_many() -> None:
    books, rows = written()
    next(write for write in books.writes if write.who == "abe").status = 303
    next(write for write in books.writes if write.who == "otto").status = 303
    said = " ".join(problems(books, rows))
    assert "answered but not in History" in said and "2 were told that they decided it" in said


def test_failures_are_tolerated_only_while_they_are_explained() -> None:
    fate = Fate(kills=[(100.0, "web-1")], database_away=[(200.0, 202.0)])
    books, rows = Books(), Rows()
    for at, status, retry_after in ((201.0, 503, "5"), (206.0, 503, "5")):
        books.answered(Answer(at, "ada", "GET", "/", status, retry_after))
    books.cuts += [(104.0, "ada", "/", "cut"), (201.0, "ada", "/", "cut")]
    assert problems(books, rows, fate) == []
    for at, status, retry_after in ((201.0, 503, ""), (201.0, 500, "5"), (150.0, 503, "5")):
        books.answered(Answer(at, "ada", "GET", "/", status, retry_after))
    books.cuts.append((150.0, "ada", "/", "cut"))
    assert len(problems(books, rows, fate)) == 4


def test_memory_that_grows_is_told() -> None:
    assert verdict.memory([Growth("web", 150, 170, 9), Growth("relay", 30, 38, 9)]).problems == []
    assert verdict.memory([Growth("web", 150, 173, 9)]).problems


def test_forms_are_read_as_a_browser_without_script_reads_them() -> None:
    page = """<form method="post" action="/a"><input type="hidden" name="key" value="1&amp;2"><input name="name" required>
      <input type="radio" name="plan" value="x"><input type="radio" name="plan" value="y" checked><textarea name="notes">
Old</textarea><select name="metric"><option value="m">M</option><option value="n" selected>N</option></select>
      <input type="checkbox" name="tick" value="z"><input type="hidden" name="row" value="1"><input type="hidden" name="row" value="2">
      </form><form method="post" id="grid"></form><form action="/search"><input name="q"></form>"""
    forms = forms_of(page, "/here")
    assert set(forms) == {"/a", "/here"}
    sent = forms["/a"].filled(notes="New")
    assert sent == {
        "key": "1&2", "name": sent["name"], "plan": "y", "notes": "New", "metric": "n", "row": ["1", "2"],
    }  # fmt: skip
    assert forms["/a"].fields["notes"] == "Old" and sent["name"] and forms["/a"].unticked == {"tick": "z"}


def test_what_an_unanswered_decision_may_have_changed_already_is_known() -> None:
    books, _ = written()
    assert not books.undecided("e-1")
    ending = books.wanted(DECISION, "abe", "mark_as_complete", "e-1")
    assert books.undecided("e-1")
    assert not books.undecided("e-2")
    ending.status = 303
    assert not books.undecided("e-1")
