"""A discovery against Microsoft on loopback: what it reads is what there is, whatever goes wrong on the way."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.csp.accounts import actions as accounts
from app.csp.accounts.model import CspAccount
from app.csp.customers.arrivals import FORMER
from app.csp.customers.model import CspCustomer, CspSubscription
from app.csp.discovery import actions, claiming, queries, states
from app.csp.discovery.model import CspRun
from app.csp.invoices import line_arrivals
from app.csp.invoices.model import CspDocument, CspLine
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.jobs import purge_lines
from app.jobs.work import never
from tests.databases import Restorer
from tests.makers.csp_runs import Stage, discovery
from tests.people import People, everybody


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def stage(app: Flask, people: People) -> Iterator[Stage]:
    with app.app_context(), discovery(people.viewer("ada")) as stage:
        yield stage


def test_a_first_run_reads_everything_there_is(stage: Stage) -> None:
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    stage.agrees()
    assert not stage.microsoft.complaints
    kinds = stage.kinds()
    assert {kind.progress for kind in kinds.values()} == {states.DONE}
    assert kinds["customers"].done == kinds["customers"].known == kinds["customers"].new == len(stage.world.listed())
    assert kinds["lines"].done == kinds["lines"].new == sum(stage.world.counts().values())
    assert all(kind.requests for kind in kinds.values())


def test_a_second_run_with_nothing_new_writes_nothing(stage: Stage) -> None:
    stage.discover()
    before = stage.rows()
    run = stage.discover()
    assert (run.state, run.number) == (states.COMPLETED, 2)
    assert stage.rows() == before
    assert all(kind.new == kind.changed == 0 for kind in stage.kinds().values())


def test_what_is_new_is_found_exactly(stage: Stage) -> None:
    stage.discover()
    world = stage.world
    gone = next(one for one in world.listed() if not one.refused)
    numbers = [one.number for one in world.documents]
    world.late_line(numbers[-1])
    world.late_line(numbers[0])
    world.amend(numbers[1])
    world.new_customer("Łódź Optyka")
    world.leave(gone.id)
    sold = next(one for one in world.subscriptions if not one.customer.is_gone and not one.customer.refused)
    world.change_seats(sold.id, sold.seats + 2)
    world.month_later()
    run = stage.discover()
    assert run.state == states.COMPLETED
    stage.agrees()
    kinds = stage.kinds()
    assert (kinds["customers"].new, kinds["customers"].changed) == (1, 1)
    assert kinds["subscriptions"].changed == 1
    assert kinds["invoices"].new == 2
    with acting_for_all("a test looks"):
        left = db.session.scalars(select(CspCustomer).where(CspCustomer.tenant_id == gone.id)).one()
        assert (left.relationship, left.gone_at is not None) == (FORMER, True)
        seats = select(CspSubscription.quantity).where(CspSubscription.subscription_id == sold.id)
        assert db.session.scalars(seats).one() == sold.seats
    told = [event.event for event in events(stage)]
    assert told.count("csp_discovery_completed") == 2


def test_a_late_line_that_changes_no_total_is_found_in_a_recent_document(stage: Stage) -> None:
    """A charge and its reversal: what the listing says is the same as before."""
    stage.discover()
    document = max(stage.world.documents, key=lambda one: one.day)
    billing = next(lines for lines in document.sets if lines.kind == "billing")
    late = billing.charges[0]
    billing.charges += [
        late._replace(cost="1.25", tax="0.24", total="1.49"),
        late._replace(cost="-1.25", tax="-0.24", total="-1.49"),
    ]
    document.edition += 1
    stage.discover()
    stage.agrees()
    assert stage.kinds()["lines"].new == 2


def test_a_refusal_stays_with_its_customer(stage: Stage) -> None:
    """Refused once more is no news; answered again, it is taken back."""
    refused = next(one for one in stage.world.customers if one.refused)
    run = stage.discover()
    assert (run.state, run.is_partial) == (states.COMPLETED, True)
    with acting_for_all("a test looks"):
        (told,) = {(one.subject, one.status, one.code) for one in queries.refusals_of(run.id)}
        assert told == (refused.id, 403, refused.refused)
        assert "2032" in (customer(refused.id).refusal or "")
    refused.refused = ""
    run = stage.discover()
    assert not run.is_partial
    with acting_for_all("a test looks"):
        assert customer(refused.id).refusal is None
    assert stage.kinds()["subscriptions"].new == sum(one.customer is refused for one in stage.world.subscriptions)


def test_who_is_refused_later_loses_nothing(stage: Stage) -> None:
    stage.discover()
    before = subscriptions(stage)
    next(one for one in stage.world.listed() if not one.refused).refused = "20002"
    assert stage.discover().is_partial
    assert subscriptions(stage) == before


@pytest.mark.parametrize(
    ("where", "kind"),
    [(r"GET /v1/customers\?", "customers"), (r"GET /v1/invoices\?", "invoices")],
    ids=["customers", "invoices"],
)
def test_a_kind_that_cannot_be_read_is_an_error_and_the_others_are_kept(
    stage: Stage, where: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.discover()
    stage.world.new_customer()
    stage.world.month_later()
    stage.faults.add("refuse", where, times=None, status=403, code="900150")
    run = stage.discover()
    assert run.state == states.ERROR
    assert "900150" in (run.error or "")
    said = [one for one in caplog.records if "discovery_kind_failed" in str(one.msg)]
    assert len(said) == 1 and not any("Traceback" in str(one.msg) or one.exc_info for one in said), (
        "a refusal is no fault"
    )
    progress = {name: one.progress for name, one in stage.kinds().items()}
    assert progress.pop(kind) == states.FAILED
    assert set(progress.values()) == {states.DONE}
    with acting_for_all("a test looks"):
        told = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "csp_discovery_failed")).all()
        assert [(one.permission, one.facts["number"]) for one in told] == [("csp-discovery:run", 2)]
    stage.faults.clear()
    assert stage.discover().state == states.COMPLETED
    stage.agrees()


def test_a_document_that_is_refused_is_told_and_the_others_are_read(stage: Stage) -> None:
    number = next(one.number for one in stage.world.documents if one.providers == {"office"})
    stage.faults.add("refuse", f"invoices/{number}/lineitems", times=None, status=404, code="1000")
    run = stage.discover()
    assert (run.state, run.is_partial) == (states.COMPLETED, True)
    with acting_for_all("a test looks"):
        document = db.session.scalars(select(CspDocument).where(CspDocument.number == number)).one()
        assert document.version_id is None
        assert "1000" in (document.refusal or "")
        assert number in {one.subject for one in queries.refusals_of(run.id)}
    stage.faults.clear()
    assert stage.discover().state == states.COMPLETED
    stage.agrees()


FAULTS: dict[str, list[dict[str, object]]] = {
    "throttled": [{"what": "throttle", "where": "", "after": 9, "times": 2, "seconds": 1}],
    "5xx": [{"what": "error", "where": "customers", "after": 3, "times": 2}, {"what": "html", "where": "lineitems", "after": 1, "times": 2, "status": 502}],
    "resets": [{"what": "reset", "where": "", "after": 5, "times": 2}, {"what": "reset", "where": "lineitems", "times": 2}],
    "short bodies": [{"what": "short", "where": "lineitems", "times": 2}, {"what": "short", "where": "/blobs/", "times": 2}],
    "garbage": [{"what": "garbage", "where": "subscriptions", "after": 2, "times": 2}],
    "tokens that end": [{"what": "expire", "where": "lineitems", "after": 1, "times": 2}, {"what": "expire", "where": "customers", "after": 4}],
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_on_the_way_changes_nothing(stage: Stage, name: str) -> None:
    for fault in FAULTS[name]:
        stage.faults.add(**fault)  # type: ignore[arg-type]
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    stage.agrees()
    assert not stage.microsoft.complaints
    if name == "throttled":
        assert sum(kind.throttled_seconds for kind in stage.kinds().values()) >= 1


HABITS: dict[str, dict[str, object]] = {
    "small pages": {"customers_page": 3, "lines_page": 7, "invoices_page": 2, "blob_lines": 11},
    "repeated records": {"customers_page": 3, "repeated_records": True, "lines_page": 20},
    "BOM, drifting names, /v1": {"bom": True, "drifting_case": True, "v1_in_links": True},
    "no next on a full page": {"no_next_on_full_page": True, "lines_page": 10, "invoices_page": 3},
    "tokens of nine calls": {"token_calls": 9},
}


@pytest.mark.parametrize("name", HABITS)
def test_however_it_spells_and_pages(stage: Stage, name: str) -> None:
    for habit, value in HABITS[name].items():
        setattr(stage.faults.habits, habit, value)
    run = stage.discover()
    assert (run.state, run.error) == (states.COMPLETED, None)
    stage.agrees()
    before = stage.rows()
    again = stage.discover()
    assert (again.state, again.error) == (states.COMPLETED, None)
    assert stage.rows() == before


def test_a_token_that_dies_takes_the_consent_with_it(stage: Stage) -> None:
    stage.faults.add("no_mfa", "customers", times=None)
    run = stage.discover()
    assert run.state == states.ERROR
    assert run.error
    with acting_for_all("a test looks"):
        account = db.session.scalars(select(CspAccount)).one()
        assert account.state == "reconsent_needed"
        assert account.trouble == run.error
    with viewing(stage.by), pytest.raises(Refused):
        actions.trigger(stage.account_id, by=stage.by)


def test_a_long_pause_leaves_the_run_until_it_is_over(stage: Stage) -> None:
    """Another worker, or this one later, goes on: nothing that was committed is read again."""
    stage.faults.add("throttle", "subscriptions", after=3, seconds=3600)
    stage.trigger()
    stage.work()
    run = stage.last()
    assert (run.state, run.claimed_by) == (states.IN_PROGRESS, None)
    with acting_for_all("a test looks"):
        assert not claiming.due_runs(5)
    listed = len([call for call in stage.microsoft.calls if "/v1/customers?" in call])
    stage.microsoft._throttled_until = 0.0
    with acting_for_all("an hour later"), transaction() as session:
        session.execute(update(CspAccount).values(paused_until=clock.now()))
    stage.work()
    assert stage.last().state == states.COMPLETED
    stage.agrees()
    assert len([call for call in stage.microsoft.calls if "/v1/customers?" in call]) == listed


def customer(tenant_id: str) -> CspCustomer:
    return db.session.scalars(select(CspCustomer).where(CspCustomer.tenant_id == tenant_id)).one()


def subscriptions(stage: Stage) -> list[str]:
    return stage.rows()["csp_subscription"]  # type: ignore[return-value]


def events(stage: Stage) -> list[History]:
    with viewing(stage.by):
        return list(history.events_of("csp_account", stage.account_id, newest_first=False))


def counting_down(calls: int) -> Callable[[], bool]:
    """A process that ends after so many looks whether it does."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("looks", [3, 7, 12, 20])
def test_cut_short_anywhere_and_gone_on_with_it_is_the_same(stage: Stage, looks: int) -> None:
    """A process that ends between two pages, again and again: each time another goes on after the last committed page."""
    stage.faults.habits.lines_page = stage.faults.habits.blob_lines = 23
    stage.faults.habits.customers_page = 4
    stage.trigger()
    for _turn in range(200):
        stage.work(stopped=counting_down(looks + 2))
        if stage.last().state not in states.LIVE:
            break
    run = stage.last()
    assert (run.state, run.number) == (states.COMPLETED, 1)
    stage.agrees()
    assert stage.kinds()["lines"].new == sum(stage.world.counts().values())


def test_stop_takes_effect_at_the_next_page_and_the_next_run_goes_on(stage: Stage) -> None:
    stage.faults.habits.lines_page = 10
    run = stage.trigger()
    asked = counting_down(25)

    def stops() -> bool:
        if asked():
            with viewing(stage.by):
                actions.ask_to_stop(stage.account_id, by=stage.by)
        return False

    stage.work(stopped=stops)
    first = stage.last()
    assert (first.id, first.state, first.stop_asked_by_name) == (run.id, states.STOPPED, "Ada Marsh")
    assert stage.discover().state == states.COMPLETED
    stage.agrees()


def test_a_worker_that_was_frozen_writes_nothing_any_more(stage: Stage) -> None:
    """Another has taken its run over meanwhile: its page is rolled back, and it leaves."""
    run = stage.trigger()
    looks = counting_down(6)

    def freezes() -> bool:
        if looks():
            with acting_for_all("another worker"), transaction() as session:
                session.execute(update(CspRun).values(claimed_by="another", heartbeat_at=clock.now()))
        return False

    stage.work(stopped=freezes)
    after = stage.last()
    assert (after.id, after.state, after.claimed_by) == (run.id, states.IN_PROGRESS, "another")
    with acting_for_all("it dies"), transaction() as session:
        session.execute(update(CspRun).values(heartbeat_at=clock.now() - timedelta(seconds=16)))
    stage.work()
    assert stage.last().state == states.COMPLETED
    stage.agrees()


def test_a_run_ends_when_its_account_is_disabled(stage: Stage) -> None:
    stage.trigger()
    looks = counting_down(5)

    def disables() -> bool:
        if looks() and accounts_state() == "connected":
            with viewing(stage.by):
                accounts.disable(stage.account_id, by=stage.by)
        return False

    stage.work(stopped=disables)
    assert stage.last().state == states.STOPPED


def accounts_state() -> str:
    with acting_for_all("a test looks"):
        return db.session.scalars(select(CspAccount.state)).one()


def test_lines_of_a_version_that_is_over_go_in_small_bites(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.discover()
    number = stage.world.documents[0].number
    stage.world.late_line(number)
    stage.discover()
    monkeypatch.setattr(line_arrivals, "BITE", 3)
    with acting_for_all("a job") as by:
        assert purge_lines.run(by=by, stopped=never).rows == 0, "whoever reads them still has ten minutes"
        with clock.pinned(clock.now() + timedelta(minutes=11)):
            assert purge_lines.run(by=by, stopped=never).rows > 3
            assert purge_lines.run(by=by, stopped=never).rows == 0
        in_force = select(CspDocument.version_id)
        assert not db.session.scalar(
            select(func.count()).select_from(CspLine).where(CspLine.version_id.not_in(in_force))
        )
    stage.agrees()
