"""The morning's mail: in the member's own zone, once a day and organisation, only while something waits, off when unwanted."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one, viewing
from app.foundation.waiting import KINDS
from app.jobs import engine
from app.members.model import Member, Membership
from app.members.roles import INSTANCE_EDITOR
from app.notices import delegations, digests, preferences
from app.notices.digests import is_morning
from app.notices.model import Digest
from app.notices.preferences import Wish
from app.notices.types import DIGEST
from app.parties.model import Organisation
from tests.notices.inbox_stage import Stage, posted, set_stage

NINE = datetime(2026, 11, 4, 9, tzinfo=UTC)


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context(), clock.pinned(NINE - timedelta(days=2)):
        made = set_stage()
    with app.app_context():
        yield made


@pytest.mark.parametrize(
    ("now", "zone", "day"),
    [
        ("2026-11-04T06:59:59+00:00", "UTC", None),
        ("2026-11-04T07:00:00+00:00", "UTC", date(2026, 11, 4)),
        ("2026-11-04T11:59:59+00:00", "UTC", date(2026, 11, 4)),
        ("2026-11-04T12:00:00+00:00", "UTC", None),
        ("2026-11-04T06:00:00+00:00", "Europe/Prague", date(2026, 11, 4)),
        ("2026-11-03T18:00:00+00:00", "Pacific/Auckland", date(2026, 11, 4)),
        ("2026-11-04T17:00:00+00:00", "America/Los_Angeles", date(2026, 11, 4)),
        ("2026-11-04T08:00:00+00:00", "No/Where", date(2026, 11, 4)),
    ],
)
def test_the_morning_is_where_the_member_is(now: str, zone: str, day: date | None) -> None:
    assert is_morning(datetime.fromisoformat(now), zone) == day


def look(at: datetime = NINE) -> int:
    db.session.remove()
    with clock.pinned(at):
        count = digests.send_due()
    db.session.remove()
    return count


def test_who_may_decide_gets_one_mail_with_everything_that_waits(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=30)):
        (old,) = stage.requests()
    with clock.pinned(NINE - timedelta(hours=2)):
        entry = stage.entry_in_review()
    assert look() == 4  # Ada and Abe of the partner, Olga and Otto of the operator
    told = {row.address: row for row in posted("digest")}
    ada, olga = told[str(stage.people.ada.id)], told[str(stage.people.olga.id)]
    assert str(stage.people.ben.id) not in told
    assert str(stage.people.dot.id) not in told
    (line,) = ada.facts["lines"]
    assert (ada.facts["waiting"], line["overdue"], line["value"]) == (1, True, "")
    assert line["approve"] == f"/inbox/decide?row=engagement-request:{old.id}&do=approve"
    (line,) = olga.facts["lines"]
    assert (line["number"], line["value"], line["overdue"]) == (entry.number, "3000.00 USD", False)


def test_once_a_day_however_often_it_is_looked_at(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    assert look() == 2
    assert look() == 0
    assert look(NINE + timedelta(hours=2)) == 0
    assert look(NINE + timedelta(days=1)) == 2
    assert len(posted("digest")) == 4


def test_nothing_waiting_is_no_mail_and_not_looked_at_again(stage: Stage) -> None:
    assert look() == 0
    with clock.pinned(NINE):
        stage.requests()
    assert look(NINE + timedelta(hours=1)) == 0
    with acting_for_all("a test looks"):
        assert {row.waiting for row in db.session.scalars(select(Digest))} == {0}
    assert look(NINE + timedelta(days=1)) == 2


def test_not_at_night_and_not_made_up_for_in_the_afternoon(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    for at in (NINE.replace(hour=5), NINE.replace(hour=13), NINE.replace(hour=23)):
        assert look(at) == 0
    assert posted("digest") == []


def test_each_in_their_own_zone(stage: Stage) -> None:
    with acting_for_all("Abe lives elsewhere"), transaction():
        one(Member, stage.people.abe.id).zone = "America/Los_Angeles"
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    assert look() == 1
    assert look(NINE.replace(hour=17)) == 1
    assert [row.address for row in posted("digest")] == [str(stage.people.ada.id), str(stage.people.abe.id)]


def test_off_is_off(stage: Stage) -> None:
    with viewing(stage.viewer("ada")) as ada:
        preferences.change({DIGEST: Wish(by_mail=False)}, by=ada)
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    look()
    assert [row.address for row in posted("digest")] == [str(stage.people.abe.id)]


def test_two_capacities_of_one_organisation_are_one_mail_two_organisations_two(stage: Stage) -> None:
    people = stage.people
    with acting_for_all("Ada works elsewhere too"), transaction() as session:
        for organisation, capacity, roles in (
            (people.northbridge, "customer", []),
            (people.contrail, "partner", [INSTANCE_EDITOR]),
        ):
            session.add(
                Membership(
                    member_id=people.ada.id,
                    organisation_id=organisation.id,
                    capacity=capacity,
                    roles=roles,
                    created_at=NINE,
                )
            )
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    look()
    assert [row.address for row in posted("digest")].count(str(people.ada.id)) == 1
    with acting_for_all("a test looks"):
        looked = db.session.scalars(select(Digest.organisation_id).where(Digest.member_id == people.ada.id)).all()
    assert sorted(looked) == sorted([people.northbridge.id, people.contrail.id])


def test_many_members_come_in_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "AT_A_TIME", 3)
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    look()
    assert len(posted("digest")) == 2
    with acting_for_all("a test looks"):
        assert len(db.session.scalars(select(Digest)).all()) == 8


def test_two_processes_send_one(app: Flask, stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    db.session.remove()

    def work() -> None:
        with app.app_context(), clock.pinned(NINE):
            digests.send_due()

    both = [threading.Thread(target=work) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(posted("digest")) == 2


def test_the_jobs_run(app: Flask, stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=3)):
        stage.requests()
    db.session.remove()
    with clock.pinned(NINE):
        assert engine.run_once(app, "send_digests").rows == 2
        assert engine.run_once(app, "send_notices").rows == 0  # no mail server, no demo: mail waits
    with clock.pinned(NINE + timedelta(days=41)):
        assert engine.run_once(app, "forget_notices").rows == 8


def require_second_factor(stage: Stage, *, confirmed: str | None = None) -> None:
    with acting_for_all("Northbridge asks for more"), transaction():
        one(Organisation, stage.people.northbridge.id).second_factor_since = NINE - timedelta(days=1)
        if confirmed:
            one(Member, stage.people.members[confirmed].id).totp_confirmed_at = NINE - timedelta(days=1)
    db.session.remove()


def test_who_lacks_the_required_second_factor_is_told_nothing_until_they_have_it(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=30)):
        stage.requests()
    require_second_factor(stage, confirmed="abe")
    look()
    assert [row.address for row in posted("digest")] == [str(stage.people.abe.id)]
    require_second_factor(stage, confirmed="ada")
    look(NINE + timedelta(hours=1))
    assert [row.address for row in posted("digest")] == [str(stage.people.abe.id), str(stage.people.ada.id)]


def test_nothing_is_passed_to_who_lacks_the_required_second_factor(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=30)):
        (asked,) = stage.requests()
    kind, ada = KINDS["engagement-request"], stage.viewer("ada")
    with viewing(ada):
        assert [to.member_name for to in delegations.who_may_decide(kind, asked.id, by=ada)] == ["Abe Adeyemi"]
    require_second_factor(stage, confirmed="ada")
    with viewing(ada):
        assert delegations.who_may_decide(kind, asked.id, by=ada) == []


def test_members_of_a_deactivated_organisation_are_told_nothing(stage: Stage) -> None:
    with clock.pinned(NINE - timedelta(hours=30)):
        stage.requests()
    with acting_for_all("Northbridge is gone"), transaction():
        one(Organisation, stage.people.northbridge.id).deactivated_at = NINE - timedelta(hours=10)
    look()
    assert posted("digest") == []
