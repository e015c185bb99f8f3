"""Idempotent submits, numbers, keyset pages, the write guard and the movable clock."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.idempotency import Submission, claim, keep_answer, once, release
from app.foundation.numbers import next_number
from app.foundation.pages import BadCursor, page_of
from app.foundation.refusals import KeyReused, Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.parties.actions import add_organisation
from app.parties.model import Organisation
from tests.makers import as_operator, make_organisation


def test_a_key_does_its_work_once() -> None:
    with viewing(as_operator()) as olga:
        body = {"name": "Acme"}
        made = [
            once("k" * 20, body, lambda: add_organisation("Acme", by=olga, customer=True), by=olga) for _ in range(3)
        ]
        assert [first for _, first in made] == [True, False, False]
        assert len({row_id for row_id, _ in made}) == 1
        with pytest.raises(KeyReused):
            once("k" * 20, {"name": "Globex"}, lambda: add_organisation("Globex", by=olga, customer=True), by=olga)


def test_a_refused_form_keeps_its_key() -> None:
    with viewing(as_operator()) as olga:
        with pytest.raises(Refused):
            once("r" * 20, {"name": ""}, lambda: add_organisation("", by=olga, customer=True), by=olga)
        _, first = once("r" * 20, {"name": "Acme"}, lambda: add_organisation("Acme", by=olga, customer=True), by=olga)
        assert first


def test_keys_are_each_organisations_own() -> None:
    operator, other = as_operator(), as_operator(make_organisation("Other", partner=True, operator=True))
    for viewer, name in ((operator, "Acme"), (other, "Globex")):
        with viewing(viewer):
            _, first = once(
                "o" * 20, {"name": name}, partial(add_organisation, name, by=viewer, customer=True), by=viewer
            )
            assert first


def test_a_double_click_makes_one_row(app: Flask) -> None:
    olga = as_operator()
    db.session.remove()
    gate, results, failures = threading.Barrier(4), [], []

    def click() -> None:
        with app.app_context(), viewing(olga):
            gate.wait()
            try:
                results.append(
                    once("d" * 20, {"n": 1}, lambda: add_organisation("Acme", by=olga, customer=True), by=olga)
                )
            except Exception as failure:
                failures.append(failure)
            finally:
                db.session.remove()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert failures == []
    assert sum(first for _, first in results) == 1
    assert len({row_id for row_id, _ in results}) == 1
    with acting_for_all("a test counts"):
        assert db.session.scalar(select(func.count(Organisation.id)).where(Organisation.name == "Acme")) == 1
        assert db.session.scalar(select(func.count(Submission.id))) == 1


def test_numbers_have_no_gaps() -> None:
    with acting_for_all("a test's numbers"):
        with transaction():
            assert [next_number("T") for _ in range(3)] == ["T-1001", "T-1002", "T-1003"]
        with pytest.raises(ZeroDivisionError), transaction():
            next_number(f"T{1 // 0}" if next_number("T") else "")
        with transaction():
            assert next_number("T") == "T-1004"


def test_pages_tile_the_list_both_ways() -> None:
    for n in range(23):
        make_organisation(f"Customer {n:02}", customer=True)
    with acting_for_all("a test pages"):
        found, keys = (
            select(Organisation.id, Organisation.name, Organisation.created_at),
            (Organisation.created_at, Organisation.id),
        )
        pages, after = [], None
        while True:
            page = page_of(found, keys, after=after, size=5)
            pages.append(page)
            if page.next is None:
                break
            after = page.next
        names = [row.name for page in pages for row in page.rows]
        assert names == sorted(names, reverse=True)
        assert len(names) == 23
        back = page_of(found, keys, before=pages[-1].previous, size=5)
        assert [row.id for row in back.rows] == [row.id for row in pages[-2].rows]
        first = page_of(found, keys, before=pages[1].previous, size=5)
        assert [row.id for row in first.rows] == [row.id for row in pages[0].rows]
        assert (first.previous, pages[0].previous, pages[-1].next) == (None, None, None)


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsMl0", "bnVsbA", "🙂", "WyIyMDI2LTAxLTAxIiwiMSJd", "A" * 500, "Wy0x"]
)
def test_a_cursor_we_did_not_make_is_named_as_such(cursor: str) -> None:
    with acting_for_all("a test pages"), pytest.raises(BadCursor):
        page_of(
            select(Organisation.id, Organisation.created_at), (Organisation.created_at, Organisation.id), after=cursor
        )


def test_a_claimed_key_is_one_bodys_from_before_its_work_to_its_answer() -> None:
    olga = as_operator()
    assert claim("api:1", {"n": 1}, by=olga) is None
    with pytest.raises(KeyReused):
        claim("api:1", {"n": 2}, by=olga)
    assert claim("api:1", {"n": 1}, by=olga) is None, "the first one may have died at work"
    assert keep_answer("api:1", "first", by=olga) == "first"
    assert keep_answer("api:1", "second", by=olga) == "first"
    release("api:1", by=olga)
    assert claim("api:1", {"n": 1}, by=olga) == "first"
    with pytest.raises(KeyReused):
        claim("api:1", {"n": 2}, by=olga)


def test_a_key_whose_work_was_refused_may_be_used_for_what_was_corrected() -> None:
    olga = as_operator()
    assert claim("api:2", {"n": 1}, by=olga) is None
    release("api:2", by=olga)
    assert claim("api:2", {"n": 2}, by=olga) is None


def test_a_key_that_made_a_row_gives_no_answer() -> None:
    olga = as_operator()
    with viewing(olga):
        once("k" * 20, {"n": 1}, lambda: add_organisation("Acme", by=olga, customer=True), by=olga)
    with pytest.raises(KeyReused):
        claim("k" * 20, {"n": 1}, by=olga)


def test_two_bodies_with_one_key_at_once_are_one_claim(app: Flask) -> None:
    olga, claimed, together = as_operator(), [], threading.Barrier(2)

    def ask(number: int) -> None:
        with app.app_context():
            together.wait()
            try:
                claimed.append(claim("api:3", {"n": number}, by=olga))
            except KeyReused:
                claimed.append("reused")
            db.session.remove()

    both = [threading.Thread(target=ask, args=(number,)) for number in (1, 2)]
    for one_of_them in both:
        one_of_them.start()
    for one_of_them in both:
        one_of_them.join()
    assert sorted(map(str, claimed)) == ["None", "reused"]


def test_writing_outside_a_transaction_fails_at_once() -> None:
    with acting_for_all("a test forgets the transaction"):
        db.session.add(Organisation(name="Nobody", created_at=clock.now()))
        with pytest.raises(RuntimeError, match="outside"):
            db.session.flush()
        db.session.rollback()


def write(row: Organisation) -> None:
    with transaction() as session:
        session.add(row)


def test_a_naive_datetime_is_refused() -> None:
    from sqlalchemy.exc import StatementError

    naive = Organisation(id=uuid4(), name="Naive", created_at=datetime(2026, 1, 1))
    with acting_for_all("a test is naive"), pytest.raises(StatementError, match="naive"):
        write(naive)


def test_the_demos_clock_moves_and_runs_on(tmp_path: Path) -> None:
    clock.follow(tmp_path / "demo-clock")
    try:
        clock.move(datetime(2026, 11, 2, 23, 59, 50, tzinfo=UTC))
        assert timedelta() <= clock.now() - datetime(2026, 11, 2, 23, 59, 50, tzinfo=UTC) < timedelta(seconds=5)
        clock.stop_moving()
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    finally:
        clock.follow(None)
    with pytest.raises(RuntimeError, match="demo mode only"):
        clock.move(datetime.now(UTC))
