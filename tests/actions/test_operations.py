"""Asking for a self-check, carrying it out, stopping it, and trying again what failed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.billing import failed_rows as failed_entries
from app.billing import rating
from app.billing.model import BillingEntry
from app.foundation import clock, failed_rows, history, outbox, self_check, timetable
from app.foundation.database import db, transaction
from app.foundation.failed_rows import KINDS
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.self_check import Check, Verdict
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.foundation.timetable import Plan
from app.members.roles import OPERATOR_ADMIN, OPERATOR_RATER
from app.notices import on_its_way
from app.notices.failed_rows import give_up_notice, retry_notice
from app.operations import actions, states
from app.operations.actions import Hold, LetGo, take_run
from app.operations.model import CheckRun
from app.operations.queries import last_done, recent_runs
from tests.makers import as_operator, as_partner, make_engagement, make_entry, make_organisation, make_product
from tests.makers.engagements import moved_to


def system():
    return acting_for_all("a test's job")


def taken(job: Viewer, claims: int = 2) -> Hold:
    hold = take_run(claims=claims, by=job)
    assert hold is not None
    return hold


# The self-check


def test_a_run_from_asked_for_to_done() -> None:
    with viewing(as_operator()) as olga:
        run = actions.request_run(by=olga)
        assert (run.state, run.requested_by_name) == (states.REQUESTED, olga.label)
    with system() as job:
        hold = taken(job)
        assert take_run(claims=2, by=job) is None
        actions.note_progress(hold, "first", 7)
        actions.note_verdict(hold, Verdict("first", 10, 0))
        actions.note_verdict(hold, Verdict("second", 5, 1, ("one is wrong",)))
        finished = actions.finish_run(hold, by=job)
        assert (finished.state, finished.looked, finished.wrong) == (states.DONE, 15, 1)
        assert list(history.verify("check_run", run.id)) == []
    with viewing(as_operator()):
        told = last_done(recent_runs()).told
    assert told == [Verdict("first", 10, 0), Verdict("second", 5, 1, ("one is wrong",))]


def test_one_at_a_time_says_the_database() -> None:
    with viewing(as_operator()) as olga:
        actions.request_run(by=olga)
        with pytest.raises(AlreadyDone):
            actions.request_run(by=olga)
        actions.stop_run(recent_runs()[0], by=olga)
        actions.request_run(by=olga)
        assert [run.state for run in recent_runs()] == [states.REQUESTED, states.STOPPED]


def test_two_who_ask_at_once_get_one_run(app: Flask) -> None:
    olga, together, ends = as_operator(), threading.Barrier(2), []

    def ask() -> None:
        with app.app_context(), viewing(olga):
            together.wait()
            try:
                actions.request_run(by=olga)
                ends.append("asked")
            except AlreadyDone:
                ends.append("already")

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(ends) == ["already", "asked"]


def test_a_run_left_alone_is_taken_over_after_its_last_verdict() -> None:
    with viewing(as_operator()) as olga:
        actions.request_run(by=olga)
    with system() as job:
        dead = taken(job)
        actions.note_verdict(dead, Verdict("first", 10, 0))
        touched_at = one(CheckRun, dead.run_id).touched_at
        assert touched_at is not None
        with moved_to(touched_at + timedelta(minutes=2)):
            assert take_run(claims=2, by=job) is None
        with moved_to(touched_at + timedelta(minutes=2, seconds=1)):
            living = taken(job)
            assert living.done == {"first"}
        with pytest.raises(LetGo):  # whom everybody held for dead
            actions.note_verdict(dead, Verdict("second", 1, 0))
        actions.note_verdict(living, Verdict("second", 5, 0))
        assert [v.claim for v in actions.finish_run(living, by=job).told] == ["first", "second"]


def test_who_is_stopped_lets_go() -> None:
    with viewing(as_operator()) as olga:
        run = actions.request_run(by=olga)
        with system() as job:
            hold = taken(job, 1)
        run = one(CheckRun, run.id)
        db.session.refresh(run)
        actions.stop_run(run, by=olga)
        with system() as job:
            for late in (
                lambda: actions.note_progress(hold, "x", 1),
                lambda: actions.finish_run(hold, by=job),
                lambda: actions.put_back(hold, by=job),
            ):
                with pytest.raises(LetGo):
                    late()
        with pytest.raises(AlreadyDone):
            actions.stop_run(run, by=olga)


def test_a_run_takes_the_role_and_is_nobody_elses_to_see() -> None:
    with viewing(as_operator(None, OPERATOR_RATER)) as rater, pytest.raises(MissingRole):
        actions.request_run(by=rater)
    with viewing(as_operator(None, OPERATOR_ADMIN)) as keeper:
        run = actions.request_run(by=keeper)
    with viewing(as_partner(make_organisation())) as ada:
        assert recent_runs() == []
        with pytest.raises(NotVisible):
            one(CheckRun, run.id)
        with pytest.raises(MissingRole):
            actions.request_run(by=ada)


def test_what_a_check_says_is_bounded() -> None:
    verdict = self_check.examine(Check("nothing holds", lambda: iter(["x" * 10_000] * 1000)))
    assert (verdict.looked, verdict.wrong, len(verdict.sentences), verdict.unsaid) == (1000, 1000, 20, 980)
    assert max(map(len, verdict.sentences)) == 500

    def breaks():
        yield ""
        raise ZeroDivisionError("no such luck")

    broken = self_check.examine(Check("cannot be read", breaks))
    assert not broken.holds and broken.sentences == ("cannot be checked further: ZeroDivisionError: no such luck",)


# The timetable


def test_the_timetable_is_written_down_once_and_crossed_out() -> None:
    with system():
        at = clock.now()
        with moved_to(at):
            timetable.write_down([Plan("a", "does a", 5, 1), Plan("b", "does b", 3600, 300)])
        with moved_to(at + timedelta(hours=1)):
            timetable.write_down([Plan("b", "does b well", 60, 300), Plan("c", "does c", 1, 1)])
        jobs = {planned.job.name: planned.job for planned in timetable.planned()}
    assert list(jobs) == ["c", "b"]  # the most frequent first
    assert (jobs["b"].does, jobs["b"].every_seconds, jobs["b"].planned_at) == ("does b well", 60, at)
    with viewing(as_partner(make_organisation())):
        assert timetable.planned() == []


# Failed rows


@pytest.fixture
def failed_entry() -> BillingEntry:
    entry = make_entry(make_engagement(make_product()), "3")
    rating.note_failure(entry.id, "ZeroDivisionError: no such luck")
    db.session.expire_all()
    return entry


def rows_of(name: str) -> list:
    with KINDS[name].looking():
        return list(db.session.execute(KINDS[name].rows()))


def test_every_kind_gives_the_columns_of_the_contract() -> None:
    assert set(KINDS) >= {"billing-entry", "mail"}
    for kind in KINDS.values():
        names = set(kind.rows().selected_columns.keys())
        assert names >= set(failed_rows.LABELS) | {key.key for key in kind.keys}, kind.name
        assert kind.keys[-1].key == "id"


def test_an_entry_that_failed_is_tried_again_at_once(failed_entry: BillingEntry) -> None:
    with viewing(as_operator()) as olga:
        (row,) = rows_of("billing-entry")
        assert (row.reason, row.tries) == ("ZeroDivisionError: no such luck", 1)
        assert row.next_try_at > clock.now() and row.about.startswith(failed_entry.number)
        assert failed_rows.count_of(KINDS["billing-entry"]) == (1, row.since)
        failed_entries.retry_rating(failed_entry.id, by=olga)
        (row,) = rows_of("billing-entry")
        assert row.next_try_at <= clock.now()
    with system() as job:
        assert rating.rate_entry(failed_entry.id, by=job) == "rated"
        told = [event.event for event in history.events_of("engagement", failed_entry.engagement_id)]
    assert told[:2] == ["billing_rated", "billing_rating_retried"]
    with viewing(as_operator()) as olga:
        assert rows_of("billing-entry") == []
        with pytest.raises(AlreadyDone):
            failed_entries.retry_rating(failed_entry.id, by=olga)


def test_only_what_failed_is_retried_and_only_by_whom_it_may(failed_entry: BillingEntry) -> None:
    sound = make_entry(make_engagement(make_product(name="Sound")), "1")
    with viewing(as_operator()) as olga, pytest.raises(AlreadyDone):
        failed_entries.retry_rating(sound.id, by=olga)
    with viewing(as_operator(None, OPERATOR_RATER)) as rater, pytest.raises(MissingRole):
        failed_entries.retry_rating(failed_entry.id, by=rater)
    contrail = make_organisation("Contrail", partner=True)
    for act in (failed_entries.retry_rating, retry_notice, give_up_notice):
        with viewing(as_partner(contrail)) as cy, pytest.raises(MissingRole):
            act(failed_entry.id, by=cy)
    with viewing(as_operator()) as olga:
        for act in (retry_notice, give_up_notice):
            with pytest.raises(NotVisible):
                act(failed_entry.id, by=olga)


def post(
    template: str = "joined_organisation", *, audience: str = "address", address: str = "x@example.com", **columns: Any
) -> OutboxRow:
    facts = {"name": "X", "organisation": "Y", "path": "/reset-password/secret", "hours": 1, "capacity": "partner"}
    with system(), transaction() as session:
        outbox.post(Notice(audience, address, template, facts))
        row = next(row for row in session.new if isinstance(row, OutboxRow))
        for name, value in columns.items():
            setattr(row, name, value)
    return row


def test_mail_that_was_put_off_is_due_at_once() -> None:
    later = clock.now() + timedelta(hours=1)
    waiting, put_off = post(), post(tries=3, last_error="451 later", due_at=later)
    with viewing(as_operator()) as olga:
        assert [row.id for row in rows_of("mail")] == [put_off.id]  # what waits for seconds did not fail
        assert list(db.session.scalars(select(OutboxRow.id))) == []  # not to be read but through its kind
        retry_notice(put_off.id, by=olga)
        (row,) = rows_of("mail")
        assert row.next_try_at <= clock.now()
        mail = on_its_way.mail_on_its_way()
        assert (mail.waiting, mail.put_off, mail.given_up, mail.oldest) == (2, 1, 0, waiting.created_at)
    with system():
        assert list(history.verify("outbox", put_off.id)) == []


def test_mail_that_was_given_up_may_be_sent_after_all_unless_its_link_is_forgotten() -> None:
    with viewing(as_operator()) as olga:
        plain, link = post(tries=1, last_error="451"), post("reset_password", tries=1, last_error="451")
        for row in (plain, link):
            give_up_notice(row.id, by=olga)
            with pytest.raises(AlreadyDone):
                give_up_notice(row.id, by=olga)
        assert [row.next_try_at for row in rows_of("mail")] == [None, None]
        assert on_its_way.mail_on_its_way().given_up == 2
        retry_notice(plain.id, by=olga)
        with pytest.raises(Refused, match="forgotten"):
            retry_notice(link.id, by=olga)
    with system():
        kept = one(OutboxRow, link.id)
        assert "path" not in kept.facts and kept.last_error.startswith("given up by Operator")
        assert one(OutboxRow, plain.id).failed_at is None


def test_mail_says_whom_it_is_for_by_name() -> None:
    organisation = make_organisation("Northbridge", partner=True)
    post(audience="organisation", address=str(organisation.id), tries=1, last_error="451")
    post(audience="member", address=str(organisation.id), tries=1, last_error="451")  # a member who is not there
    post(address="requests@northbridge.example", tries=1, last_error="451")
    with viewing(as_operator()):
        assert {row.party for row in rows_of("mail")} == {
            "Northbridge",
            str(organisation.id),
            "requests@northbridge.example",
        }
        for state in on_its_way.STATES:
            with acting_for_all(on_its_way.WATCHING):
                found = db.session.execute(on_its_way.notices_on_their_way(state)).all()
            assert all(on_its_way.state_of(row) == state for row in found)


def test_sent_mail_is_neither_retried_nor_given_up() -> None:
    sent = post(sent_at=clock.now())
    with viewing(as_operator()) as olga:
        for act in (retry_notice, give_up_notice):
            with pytest.raises(AlreadyDone):
                act(sent.id, by=olga)


def test_counts_stop_at_their_bound() -> None:
    at = clock.now()
    with system(), transaction() as session:
        for _ in range(failed_rows.COUNTED + 5):
            outbox.post(Notice("address", "x@example.com", "joined_organisation", {}))
        session.flush()
        session.execute(text("UPDATE outbox SET tries = 1"))
    with viewing(as_operator()):
        count, oldest = failed_rows.count_of(KINDS["mail"])
        assert count == failed_rows.COUNTED and oldest >= at
    with system():
        assert db.session.scalar(select(func.count(OutboxRow.id))) == failed_rows.COUNTED + 5
