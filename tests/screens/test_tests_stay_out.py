"""End-to-end tests stay out of everything else: nobody's list, total, export or page tells of them, and no figure moves.

Everybody walks every address twice, before and after test rows are planted, with the clock standing still. Only the tests' own
pages and the rating queue may differ, and no other page may name a test or its amounts. A new screen is walked by itself.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.commands.check import every_check
from app.engagements import actions
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, as_tester, viewing
from tests.makers import make_programme, rate
from tests.makers.testing import draft_product, make_test, make_test_entry
from tests.people import move_in, sign_in
from tests.screens.engagement_stage import HTMX
from tests.screens.test_every_route import SIDE, _close_and_correct, _rows_of, address, calls, rules

#: 3.7 h at 123.37 = 456.47; 41 h = 5,058.17 are above the threshold
PRICE, PLANTED = "123.37", ("123.37", "456.47", "45647", "5058.17", "505817", "5514.64")
MARKS = ("TEST-ENG", "TEST-BE", "Walrus")
#: each address once, and each with so many of the filters its page offers
VARIANTS = 3
TAG, LINK = re.compile(r"<[^>]*>"), re.compile(r"<a [^>]*href=\"(/[^\"]*)\"")
PERSONS = ("ada", "ben", "cy", "dot", "eve", "olga")
#: where tests are looked at
OF_TESTS = re.compile(r"/products/[^/]+/testing|/reviews/rating(?!\.)")
#: the checklist says what tests have proven, and names none of them
PROVES = re.compile(r"/products/[0-9a-f-]{36}/publish\b")
#: what tells how the machine does, not what is sold: it may count tests' mails and events
OF_THE_MACHINE = re.compile(r"/operations|/metrics|/readyz|/mailbox")


@dataclass
class Walk:
    own: dict[str, dict[str, str]]
    clients: dict[str, FlaskClient]
    before: dict[str, dict[str, str]] = field(default_factory=dict)
    after: dict[str, dict[str, str]] = field(default_factory=dict)
    test_ids: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def walk(migrated_app: Flask, restore_database: Any) -> Iterator[Walk]:
    restore_database()
    with clock.pinned(clock.now()):
        with migrated_app.app_context():
            people = move_in()
            own = {
                side: _rows_of(people, partner, customer)
                for side, partner, customer in (("north", "northbridge", "acme"), ("south", "contrail", "globex"))
            }
            _close_and_correct(*own.values())
            rules_ = make_programme("Programme of tests", review_threshold_minor=400_000)
            draft = draft_product(people.northbridge, rules_, bands=[(None, PRICE)], name="Product before publication")
            db.session.remove()
        found = Walk(own, {person: migrated_app.test_client() for person in PERSONS})
        for person in PERSONS:
            sign_in(found.clients[person], people.members[person].email)
        found.before = {person: walked(migrated_app, found, person) for person in PERSONS}
        with migrated_app.app_context():
            found.test_ids = planted(people.viewer("ada"), draft)
            db.session.remove()
        found.after = {person: walked(migrated_app, found, person) for person in PERSONS}
        yield found


def planted(ada: Any, draft: Any) -> list[str]:
    """A pending test, a completed one, and an active one with an entry rated, one in review, one waiting."""
    waits = make_test(draft, ada, state="pending", name="Walrus waits")
    done, test = make_test(draft, ada, name="Walrus done"), make_test(draft, ada, name="Walrus")
    rated = [make_test_entry(one, "3.7", ada, notes="Walrus notes") for one in (done, test)]
    review, submitted = make_test_entry(test, "41", ada), make_test_entry(test, "1", ada)
    assert [rate(entry) for entry in (*rated, review)] == ["rated", "rated", "in_review"]
    assert str(rated[0].amount) == "456.47 USD"
    with viewing(as_tester(ada)):
        actions.mark_as_complete(done, by=ada)
    return [*map(_id, (waits, done, test)), *map(_id, (*rated, review, submitted))]


def _id(row: Any) -> str:
    return str(row.id)


def walked(app: Flask, walk: Walk, person: str) -> dict[str, str]:
    """address -> what it tells: every GET route with own ids, and every link from there, pages, fragments and files."""
    ids = walk.own[SIDE[person]]
    todo = [address(rule, ids) for rule in rules(app) if "GET" in calls(rule)]
    todo += [path.replace(".csv", ".xlsx") for path in todo if path.endswith(".csv")]
    told: dict[str, str] = {}
    variants: dict[str, int] = {}
    client = walk.clients[person]
    while todo:
        path = todo.pop(0).partition("#")[0]
        place = path.partition("?")[0]
        if path in told or variants.get(place, 0) > VARIANTS or "sign-out" in place:
            continue
        variants[place] = variants.get(place, 0) + 1
        answer = client.get(path)
        told[path] = readable(answer)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            told[path] = words(answer.text)
            told[f"{path} (part)"] = words(client.get(path, headers=HTMX).text)
            todo += [link for link in map(unescape, LINK.findall(answer.text)) if link not in told]
    return told


def words(html: str) -> str:
    """What people read, and where its links lead; without the tokens, which are new each time."""
    return " ".join([*TAG.sub(" ", html).split(), *LINK.findall(html)])


def readable(answer: Any) -> str:
    if answer.mimetype.endswith("spreadsheetml.sheet"):
        book = zipfile.ZipFile(io.BytesIO(answer.data))
        return "\n".join(book.read(name).decode() for name in book.namelist() if name.startswith("xl/"))
    return (
        f"{answer.status_code} {answer.text}"
        if answer.mimetype in ("text/csv", "application/json")
        else str(answer.status_code)
    )


@pytest.mark.parametrize("person", PERSONS)
def test_nothing_else_tells_of_tests(walk: Walk, person: str) -> None:
    told = walk.after[person]
    assert len(told) > 25
    leaks = [
        (path, sign)
        for path, text in told.items()
        if not (OF_TESTS.match(path) or any(one in path for one in walk.test_ids))
        for sign in (*MARKS, *PLANTED, *walk.test_ids)
        # the draft's own price list said its price before there was any test
        if sign in text.replace(",", "") and sign not in walk.before[person].get(path, "").replace(",", "")
    ]
    assert leaks == []


def _difference(before: str, after: str) -> str:
    """Where the two begin to differ, for the message."""
    at = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    return f"{before[max(at - 60, 0) : at + 60]!r} became {after[max(at - 60, 0) : at + 60]!r}"


@pytest.mark.parametrize("person", PERSONS)
def test_no_figure_moves(walk: Walk, person: str) -> None:
    before, after = walk.before[person], walk.after[person]
    moved = [
        (path, _difference(before[path], after[path]))
        for path in before
        if path in after
        and before[path] != after[path]
        and not (OF_TESTS.match(path) or OF_THE_MACHINE.match(path) or PROVES.match(path))
    ]
    assert moved == []


def test_the_walk_sees_what_it_looks_for(walk: Walk) -> None:
    """The marks do stand where tests are looked at; so their absence elsewhere says something."""
    ada, olga = walk.after["ada"], walk.after["olga"]
    own = next(path for path in ada if path.endswith("/testing") and "Walrus" in ada[path])
    assert "TEST-ENG-1001" in ada[own]
    assert "TEST-BE" in olga["/reviews/rating"] and "USD" in olga["/reviews/rating"]
    assert any(path.endswith(".csv") for path in olga) and any(path.endswith(".xlsx") for path in ada)
    assert not any("Walrus" in text for person in ("ben", "cy", "dot", "eve") for text in walk.after[person].values())


def test_the_audit_holds_with_tests_in_the_books(migrated_app: Flask, walk: Walk) -> None:
    with migrated_app.app_context(), acting_for_all("a test audits"):
        wrong = [f"{check.claim}: {verdict}" for check in every_check() for verdict in check.verdicts() if verdict]
        db.session.remove()
    assert wrong == []
