"""A month's end: frozen at its cut-off, closed when nothing is in the way, reopened by two people, closed again."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import actions as billing
from app.billing import month_ties
from app.billing.actions import Draft
from app.catalog.model import Product, Programme
from app.charges.model import ChargeLine
from app.engagements.model import Engagement
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.refusals import AlreadyDone, MissingRole
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import freeze_months
from app.jobs.work import never
from app.members.roles import OPERATOR_RATER
from app.months import actions as months
from app.months import closing, reopening
from app.months import states as month_states
from app.months.checklist import NotReady
from app.months.model import ChainMark, MonthReopening
from app.months.queries import stored_totals, taking_entries
from app.months.root import roots
from tests.actions.closed_months import (
    NOVEMBER,
    NOW,
    OCTOBER,
    WORK,
    engagement,
    in_the_way,
    note_job,
    olga_and_otto,
    row_of,
)
from tests.actions.submitting import ada_of, draft_for, refusal
from tests.makers import (
    as_operator,
    ask_correction,
    close_month,
    correct,
    freeze_month,
    make_entry,
    rate,
)
from tests.makers.months import BOOK


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def test_a_close_stores_totals_and_root_and_tells_it() -> None:
    made = engagement(tax_percent=Decimal(19))
    make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    closed = close_month(OCTOBER)
    root = closed.root_hash
    with viewing(as_operator()):
        (total,) = stored_totals([closed.month_id])
    assert (total.currency, total.lines, total.gross_minor, total.due_minor, total.tax_minor) == (
        "USD", 1, 150000, 120000, 28500,
    )  # fmt: skip
    row = row_of(OCTOBER)
    assert (row.state, row.closed_at) == (month_states.CLOSED, NOW)
    with acting_for_all("a test reads history"):
        told = db.session.scalars(select(History.facts).where(History.event == "month_closed")).one()
    assert root in told
    assert "1500.00 USD" in told
    with viewing(as_operator()) as olga, pytest.raises(AlreadyDone):
        closing.close(row, by=olga)


def test_what_is_undecided_is_in_the_way() -> None:
    """Submitted before the cut-off it stays payable, and is rated after it; until then the month's totals may grow."""
    made = engagement()
    waiting = make_entry(made, "10", month=OCTOBER, at=WORK)
    number = waiting.number
    row = freeze_month(OCTOBER)
    with viewing(as_operator()) as olga, pytest.raises(NotReady) as no:
        closing.close(row, by=olga)
    assert f"{number} (" in str(no.value)
    assert "overdue" in str(no.value)
    assert row_of(OCTOBER).state == month_states.FROZEN
    rate(waiting)
    close_month(OCTOBER)


def test_a_correction_that_was_to_be_booked_is_in_the_way() -> None:
    made = engagement()
    entry = make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    freeze_month(OCTOBER)
    asked = ask_correction(entry, "9")
    row = freeze_month(NOVEMBER)
    with clock.pinned(datetime(2026, 12, 4, tzinfo=UTC)):
        assert any(asked.number in line for line in in_the_way(row))


def test_a_failed_job_is_in_the_way() -> None:
    engagement()
    note_job("rate_billing_entries", ok=False, message="no")
    assert in_the_way(freeze_month(OCTOBER)) == [
        "not yet: background jobs ended well (failed at their last run: rate_billing_entries)"
    ]
    note_job("rate_billing_entries", ok=True)
    note_job("check_history", ok=False, message="1 of 9 chains do not verify")
    assert in_the_way(row_of(OCTOBER)) == ["not yet: history chains verify (1 of 9 chains do not verify)"]


def test_a_month_before_its_cut_off_is_not_closed() -> None:
    with acting_for_all("a test's month") as owner:
        row = months.hold(BOOK, NOVEMBER)
        with pytest.raises(NotReady, match="takes entries until 3 Dec 2026 00:00 UTC"):
            closing.close(row, by=owner)


def test_only_with_the_role() -> None:
    row = freeze_month(OCTOBER)
    with viewing(as_operator(None, OPERATOR_RATER)) as rater:
        for do in (
            lambda: closing.close(row, by=rater),
            lambda: reopening.ask_to_reopen(row, reason="Forgotten", by=rater),
            lambda: months.freeze(row, by=rater),
        ):
            with pytest.raises(MissingRole):
                do()


def test_reopening_takes_two_people_and_a_reason() -> None:
    close_month(OCTOBER)
    olga, otto = olga_and_otto()
    with viewing(olga):
        row = row_of(OCTOBER)
        assert refusal(lambda: reopening.ask_to_reopen(row, reason="  ", by=olga)).field == "reason"
        wish = reopening.ask_to_reopen(row, reason="Two entries were lost in a strike", by=olga)
        assert row_of(OCTOBER).state == month_states.CLOSED
        assert "somebody else" in str(refusal(lambda: reopening.confirm(one(MonthReopening, wish.id), by=olga)))
        assert "already" in str(refusal(lambda: reopening.ask_to_reopen(row_of(OCTOBER), reason="Again", by=olga)))
    with viewing(otto):
        reopening.confirm(one(MonthReopening, wish.id), by=otto)
        with pytest.raises(AlreadyDone):
            reopening.confirm(one(MonthReopening, wish.id), by=otto)
    row = row_of(OCTOBER)
    assert (row.state, row.frozen_at, row.closed_at) == (month_states.REOPENED, None, None)
    with acting_for_all("a test reads history"):
        told = db.session.execute(
            select(History.event, History.by_label).where(History.subject_id == row.id).order_by(History.sequence)
        ).all()
    assert [event for event, _ in told][-3:] == [
        "month_reopening_asked", "month_reopening_confirmed", "month_reopened",
    ]  # fmt: skip
    assert told[-1].by_label == otto.label


def test_a_wish_may_be_declined() -> None:
    close_month(OCTOBER)
    olga, otto = olga_and_otto()
    with viewing(olga):
        wish = reopening.ask_to_reopen(row_of(OCTOBER), reason="Perhaps", by=olga)
    with viewing(otto):
        reopening.decline(one(MonthReopening, wish.id), by=otto)
    assert row_of(OCTOBER).state == month_states.CLOSED


def test_a_close_declines_the_wish_that_waits() -> None:
    """It was asked of a frozen month; a yes after the close would open what everybody has been told."""
    row = freeze_month(OCTOBER)
    olga, otto = olga_and_otto()
    with viewing(olga):
        wish = reopening.ask_to_reopen(row, reason="An entry is missing", by=olga)
    close_month(OCTOBER, by=otto)
    with viewing(otto):
        with pytest.raises(AlreadyDone):
            reopening.confirm(one(MonthReopening, wish.id), by=otto)
        assert one(MonthReopening, wish.id).state == month_states.DECLINED
    row = row_of(OCTOBER)
    assert row.state == month_states.CLOSED
    with acting_for_all("a test reads history"):
        told = [event.event for event in history.events_of("month", row.id, newest_first=False)]
    assert told[-3:] == ["month_reopening_asked", "month_reopening_declined", "month_closed"]


def test_a_reopened_month_takes_entries_until_somebody_ends_it_and_the_job_leaves_it_alone() -> None:
    made = engagement()
    make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    close_month(OCTOBER)
    assert "closed on 3 Nov 2026" in str(refusal(lambda: make_entry(made, "1", month=OCTOBER)))
    with acting_for_all("the machine's owner") as owner:
        reopening.reopen_at_once(row_of(OCTOBER), reason="Lost in a strike", by=owner)
    late = make_entry(made, "1", month=OCTOBER)
    with acting_for_all("a test's job") as job:
        freeze_months.run(by=job, stopped=never)
    assert row_of(OCTOBER).state == month_states.REOPENED
    with viewing(as_operator()) as olga, pytest.raises(NotReady, match=late.number):
        closing.close(row_of(OCTOBER), by=olga)
    assert row_of(OCTOBER).state == month_states.REOPENED  # what could not be closed is not left frozen
    rate(late)
    with viewing(as_operator()) as olga:
        again = closing.close(row_of(OCTOBER), by=olga)
        (total,) = stored_totals([again.month_id])
    assert (again.sequence, total.lines, total.gross_minor) == (2, 2, 165000)
    assert "closed on 3 Nov 2026" in str(refusal(lambda: make_entry(made, "1", month=OCTOBER)))


def test_a_reopened_month_may_be_frozen_by_hand_before_it_is_closed() -> None:
    made = engagement()
    close_month(OCTOBER)
    with acting_for_all("the machine's owner") as owner:
        reopening.reopen_at_once(row_of(OCTOBER), reason="Lost in a strike", by=owner)
        months.freeze(row_of(OCTOBER), by=owner)
    assert "closed on 3 Nov 2026" in str(refusal(lambda: make_entry(made, "1", month=OCTOBER)))


def test_months_that_take_entries_are_open_by_clock_and_by_row() -> None:
    """The demo's clock ran ahead and came back: what froze meanwhile is not offered, and what is reopened is."""

    def offered() -> list[str]:
        with viewing(as_operator()):
            return [str(one.month) for one in taking_entries(clock.now())[BOOK]]

    close_month(OCTOBER)
    assert offered() == ["2026-11"]
    freeze_month(NOVEMBER)
    assert offered() == []
    made = engagement()
    no = refusal(lambda: make_entry(made, "1"))
    assert str(no) == "November 2026 is frozen."
    with acting_for_all("the machine's owner") as owner:
        reopening.reopen_at_once(row_of(OCTOBER), reason="Lost", by=owner)
        reopening.reopen_at_once(row_of(NOVEMBER), reason="The clock ran ahead", by=owner)
    assert offered() == ["2026-10", "2026-11"]


def test_lines_in_another_currency_than_their_programme_are_counted_by_currency() -> None:
    entry = make_entry(engagement(), "10", month=OCTOBER, at=WORK, rated=True)
    with acting_for_all("a test books a line"):
        (before,) = month_ties.totals(BOOK, OCTOBER)
        with transaction() as session:
            session.add(ChargeLine(
                **{name: getattr(entry, name) for name in ("seller_id", "partner_id", "customer_id", "programme_id")},
                description="Hours", service_month=OCTOBER, booked_month=OCTOBER, currency="EUR", gross_minor=700, due_minor=500,
                tax_minor=100, source_kind="test", source_id=uuid.uuid4(), created_at=WORK,
            ))  # fmt: skip
        euro, dollars = sorted(month_ties.totals(BOOK, OCTOBER), key=lambda total: total.currency)
    assert dollars == before
    assert (euro.currency, euro.lines, euro.gross_minor, euro.due_minor, euro.tax_minor) == ("EUR", 1, 700, 500, 100)


#: Entries like the rated one, in the index of their months.
_ALIKE_OF_OTHER_MONTHS = """
    INSERT INTO billing_entry SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(),
        'rated_sequence', 1000 + nr, 'booked_month', 202501 + mod(nr, 9), 'number', 'ALIKE-' || nr))).*
    FROM billing_entry one, generate_series(1, 2000) nr
"""


def test_a_close_adds_up_its_entries_in_their_index_alone() -> None:
    make_entry(engagement(), "10", month=OCTOBER, at=WORK, rated=True)
    with acting_for_all("a test asks for a plan"):
        programme = db.session.scalars(select(Programme).where(Programme.cut_off == BOOK)).one()
        connection = db.session.connection()
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_ALIKE_OF_OTHER_MONTHS)
            connection.exec_driver_sql("ANALYZE billing_entry")  # else the plan is that of what was here before
            for dearer in ("seqscan", "bitmapscan", "hashagg"):
                connection.exec_driver_sql(f"SET LOCAL enable_{dearer} TO off")
        found = 0
        for asked in month_ties.alike_in(programme, OCTOBER):
            written = str(asked.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
            found += sum(row[-1] for row in connection.exec_driver_sql(written))
            if connection.dialect.name == "sqlite":
                (step,) = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]
                assert step.startswith("SEARCH billing_entry USING INDEX ix_billing_entry_booked (booked_month=? AND")
                assert "service_month" in step
            else:
                plan = [row[0].strip() for row in connection.exec_driver_sql(f"EXPLAIN (COSTS off) {written}")]
                assert plan[0] == "GroupAggregate"
                assert any("Index Only Scan using ix_billing_entry_booked" in line for line in plan), plan
                assert not any("Sort" in line for line in plan), plan
        assert found == 1


def test_closes_mark_what_has_grown_and_their_roots_can_be_worked_out_again() -> None:
    made = engagement()
    entry = make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    first = close_month(OCTOBER)
    with acting_for_all("a test counts"):
        marks = sorted(
            db.session.execute(select(ChainMark.subject_id, ChainMark.subject_kind, ChainMark.length, ChainMark.hash))
        )
        heads = len(db.session.scalars(select(history.HistoryHead.subject_id)).all())
    assert len(marks) == first.chains == heads
    lines = "".join(f"{kind} {subject_id.hex} {length} {end}\n" for subject_id, kind, length, end in marks)
    assert first.root_hash == sha256(lines.encode()).hexdigest()
    correct(entry, "9")
    second = close_month(OCTOBER, book="roll-forward")
    with acting_for_all("a test counts"):
        grown = db.session.execute(
            select(ChainMark.subject_kind).where(ChainMark.close_sequence == second.sequence)
        ).all()
        assert sorted(kind for (kind,) in grown) == ["engagement", "month", "month"]  # the engagement's, October's two
        found = roots([first.sequence, second.sequence])
    assert [found[close.sequence].hash for close in (first, second)] == [first.root_hash, second.root_hash]
    assert second.chains == first.chains + 1
    assert second.events > first.events


def test_test_entries_are_in_no_total_and_in_nobodys_way() -> None:
    made = engagement()
    with acting_for_all("a test's testers"), transaction():
        one(Engagement, made.id).is_test = True
        one(Product, made.product_id).state = "draft"
    tester = replace(ada_of(made), sees_tests=True)
    with clock.pinned(WORK), viewing(tester):
        billing.submit(one(Engagement, made.id), Draft(draft_for(made, "2026-10").metric_id, OCTOBER, draft_for(made, "2026-10").quantity), by=tester)  # fmt: skip
    closed = close_month(OCTOBER)
    with viewing(as_operator()):
        assert stored_totals([closed.month_id]) == []


def test_a_programme_that_changes_its_book_does_not_change_what_was_closed(app: Flask) -> None:
    from app.billing.closed_months_checks import checks
    from app.catalog.model import Programme

    made = engagement()
    make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    close_month(OCTOBER)
    with acting_for_all("a test's operator"), transaction():
        db.session.scalars(select(Programme)).one().cut_off = "roll-forward"
    close_month(OCTOBER, book="roll-forward")
    with acting_for_all("a test checks"):
        assert [verdict for check in checks() for verdict in check.verdicts()] == ["", ""]


def test_the_last_instant_before_and_the_first_after_the_cut_off() -> None:
    made = engagement()
    with clock.pinned(datetime(2026, 11, 2, 23, 59, 59, 999000, tzinfo=UTC)):
        make_entry(made, "1", month=OCTOBER)
        with acting_for_all("a test's job") as job:
            freeze_months.run(by=job, stopped=never)
        assert row_of(OCTOBER).state == month_states.OPEN
    with clock.pinned(datetime(2026, 11, 3, tzinfo=UTC)):
        assert refusal(lambda: make_entry(made, "1", month=OCTOBER)).field == "month"
        with acting_for_all("a test's job") as job:
            freeze_months.run(by=job, stopped=never)
        assert row_of(OCTOBER).state == month_states.FROZEN
        assert in_the_way(row_of(OCTOBER)) != []
