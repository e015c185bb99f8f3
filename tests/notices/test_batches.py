"""Forty decisions are one mail a reader and one notice a subject; what members want holds, but never for their account."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import BATCH_HELD, Notice
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import acting_for_all, viewing
from app.members import sign_ins
from app.notices import decisions, portal, preferences
from app.notices.actions import send_due
from app.notices.bodies import FOLDER, render, render_together, type_named
from app.notices.decisions import APPROVE, REJECT, Asked
from app.notices.model import PortalNotice
from app.notices.preferences import Wish
from app.notices.types import DECISIONS, DIGEST, OTHER, REQUESTS, TYPES
from tests.notices.conftest import Inbox
from tests.notices.inbox_stage import Stage, posted, set_stage


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context():
        yield set_stage()


def send(app: Flask, inbox: Inbox) -> None:
    db.session.remove()
    send_due(inbox.settings(app))
    db.session.remove()


def settled(app: Flask, inbox: Inbox) -> None:
    """The stage's own notices are out of the way."""
    send(app, inbox)
    portal.show_due()
    with acting_for_all("a test begins"), transaction() as session:
        session.query(PortalNotice).delete()
    inbox.mail.clear()


def decide(stage: Stage, engagements: list[Any], verb: str, reason: str = "") -> None:
    db.session.remove()
    rows = [Asked("engagement-request", e.id) for e in engagements]
    with viewing(stage.viewer("ada")) as ada:
        decisions.decide(rows, verb, reason=reason, key="k" * 32, by=ada)
    db.session.remove()


def people_of(stage: Stage, engagements: list[Any], first_name: str) -> None:
    """Let them have been asked for by this member of the cast, whose mail can be looked at."""
    with acting_for_all("a test's member"), transaction():
        for engagement in engagements:
            engagement.requested_by_id = stage.people.members[first_name].id
            db.session.add(engagement)


def notices_of(stage: Stage, first_name: str) -> list[Any]:
    db.session.remove()
    with viewing(stage.viewer(first_name)):
        return list(db.session.scalars(select(PortalNotice).order_by(PortalNotice.at, PortalNotice.id)))


def test_many_decisions_are_one_mail_a_reader_and_one_notice_a_subject(app: Flask, inbox: Inbox, stage: Stage) -> None:
    of_dot, of_eve = stage.requests(3), stage.requests(2, client="globex")
    people_of(stage, of_dot, "dot")
    people_of(stage, of_eve, "eve")
    settled(app, inbox)
    decide(stage, [*of_dot, *of_eve], REJECT, "We are booked out until spring.")
    send(app, inbox)
    mails = {to[0]: message for to, message in inbox.mail}
    assert sorted(mails) == ["dot@acme.example", "eve@globex.example"]
    assert len(inbox.mail) == 2
    text = mails["dot@acme.example"].get_content()
    assert mails["dot@acme.example"]["Subject"].endswith("(and 2 more)")
    assert all(f"http://localhost/my/engagements/{e.id}" in text for e in of_dot)
    assert not any(str(e.id) in text for e in of_eve)
    assert text.count("We are booked out until spring.") == 1
    assert all(row.sent_at for row in posted("request_rejected"))
    portal.show_due()
    assert {notice.subject_id for notice in notices_of(stage, "dot")} == {e.id for e in of_dot}
    assert len(notices_of(stage, "eve")) == 2


def test_a_batch_is_held_until_it_is_whole_or_its_process_has_died(app: Flask, inbox: Inbox, stage: Stage) -> None:
    told = Notice("member", str(stage.people.dot.id), "joined_organisation", {"name": "Dot", "organisation": "Acme"})

    def post() -> None:
        with transaction(), acting_for_all("a test's notice"):
            outbox.post(told)

    settled(app, inbox)
    with outbox.one_batch():
        post()
        send(app, inbox)
        assert inbox.mail == [], "the batch may not be whole yet"
        post()
    send(app, inbox)
    assert len(inbox.mail) == 1
    dying = outbox.one_batch()
    dying.__enter__()
    post()
    assert not dying.__exit__(RuntimeError, RuntimeError("the process dies"), None)
    send(app, inbox)
    assert len(inbox.mail) == 1
    with clock.pinned(clock.now() + BATCH_HELD + timedelta(seconds=1)):
        send(app, inbox)
    assert len(inbox.mail) == 2


def test_a_batch_let_go_late_does_not_take_a_claimed_row_back(app: Flask, stage: Stage) -> None:
    with outbox.one_batch() as batch:
        with transaction(), acting_for_all("a test's notice"):
            outbox.post(Notice("address", "x@acme.example", "joined_organisation", {"name": "X", "organisation": "A"}))
        claimed_until = clock.now() + timedelta(minutes=10)
        with transaction() as session, acting_for_all("a sender claims it"):
            row = session.scalars(select(outbox.OutboxRow).where(outbox.OutboxRow.batch == batch)).one()
            row.due_at = claimed_until
    (kept,) = [row for row in posted("joined_organisation") if row.batch == batch]
    assert kept.due_at == claimed_until


def test_two_events_of_one_subject_in_a_batch_are_one_notice(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    (engagement,) = stage.requests()
    facts = {"client": "Acme", "number": "ENG-1", "name": "Archive", "engagement_id": str(engagement.id)}
    with outbox.one_batch(), transaction(), acting_for_all("a test's notices"):
        for _ in range(3):
            outbox.post(
                Notice("member", str(stage.people.ada.id), "request_withdrawn", facts),
                subject_kind="engagement",
                subject_id=engagement.id,
            )
    portal.show_due()
    (notice,) = notices_of(stage, "ada")
    assert notice.more == 2


def test_showing_twice_shows_once(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    engagements = stage.requests(2)
    people_of(stage, engagements, "dot")
    decide(stage, engagements, APPROVE)
    assert portal.show_due() >= 2
    assert portal.show_due() == 0
    assert len(notices_of(stage, "dot")) == 2


def test_one_is_read_by_its_member_alone(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    engagements = stage.requests(2)
    people_of(stage, engagements, "dot")
    decide(stage, engagements, APPROVE)
    portal.show_due()
    first, _second = notices_of(stage, "dot")
    for stranger in ("eve", "ada", "olga"):
        with viewing(stage.viewer(stranger)) as viewer:
            with pytest.raises(NotVisible):
                portal.own_notice(first.id)
            assert portal.mark_read([first.id], by=viewer) == 0
    with viewing(stage.viewer("dot")) as dot:
        assert portal.mark_read([first.id], by=dot) == 1
        assert portal.mark_read([first.id], by=dot) == 0
        assert portal.mark_read(by=dot) == 1
    with clock.pinned(clock.now() + portal.KEPT + timedelta(days=1)):
        assert portal.forget_old() == 2


def test_what_members_want_holds_for_mail_and_portal_apart(app: Flask, inbox: Inbox, stage: Stage) -> None:
    engagements = stage.requests(1)
    people_of(stage, engagements, "dot")
    settled(app, inbox)
    with viewing(stage.viewer("dot")) as dot:
        preferences.change({DECISIONS: Wish(in_portal=True, by_mail=False), REQUESTS: Wish(False, False)}, by=dot)
        assert preferences.own_wishes(dot)[DECISIONS] == Wish(True, False)
        assert REQUESTS not in preferences.own_wishes(dot), "a customer is not told of clients' requests"
    decide(stage, engagements, APPROVE)
    send(app, inbox)
    assert inbox.mail == []
    (row,) = [row for row in posted("request_approved") if row.subject_id == engagements[0].id]
    assert row.sent_at is not None
    assert row.last_error == "nobody wants it by mail"
    portal.show_due()
    assert len(notices_of(stage, "dot")) == 1
    with viewing(stage.viewer("dot")) as dot:
        preferences.change({DECISIONS: Wish(in_portal=False, by_mail=True)}, by=dot)
    more = stage.requests(1)
    people_of(stage, more, "dot")
    settled(app, inbox)
    with viewing(stage.viewer("ada")) as ada:
        decisions.decide([Asked("engagement-request", more[0].id)], APPROVE, reason="", key="z" * 32, by=ada)
    send(app, inbox)
    portal.show_due()
    assert len(inbox.mail) == 1
    assert notices_of(stage, "dot") == []


def test_nothing_keeps_a_password_link_back_and_none_is_shown(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    with viewing(stage.viewer("dot")) as dot:
        preferences.change({key: Wish(False, False) for key in TYPES}, by=dot)
    sign_ins.ask_for_link("dot@acme.example", source="127.0.0.1")
    portal.show_due()
    assert notices_of(stage, "dot") == []
    send(app, inbox)
    assert [to for to, _ in inbox.mail] == [["dot@acme.example"]]
    portal.show_due()
    assert notices_of(stage, "dot") == []


def test_a_broken_row_stops_nobody(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    with transaction(), acting_for_all("a test's notices"):
        for template, facts in (("no_such_template", {}), ("request_approved", {"name": "a fact too few"})):
            outbox.post(Notice("member", str(stage.people.dot.id), template, facts))
        outbox.post(
            Notice("member", str(stage.people.dot.id), "joined_organisation", {"name": "Dot", "organisation": "Acme"})
        )
    portal.show_due()
    assert [notice.template for notice in notices_of(stage, "dot")] == ["joined_organisation"]


def test_an_organisation_is_told_while_acting_for_it(app: Flask, inbox: Inbox, stage: Stage) -> None:
    settled(app, inbox)
    stage.completion_request()
    portal.show_due()
    told = notices_of(stage, "abe")
    assert [notice.template for notice in told] == ["completion_requested"]
    assert notices_of(stage, "ben") == [], "a Viewer cannot answer it"
    elsewhere = type(stage.viewer("abe"))(
        **{**vars(stage.viewer("abe")), "organisation_id": stage.people.contrail.id, "capacity": "partner"}
    )
    with viewing(elsewhere), pytest.raises(NotVisible):
        portal.own_notice(told[0].id)


def test_each_template_names_a_type_or_is_everything_else() -> None:
    assert type_named("request_approved") == DECISIONS
    assert type_named("digest") == DIGEST
    assert type_named("several") == OTHER


def test_a_type_that_a_template_names_exists() -> None:
    named = {file.stem: re.search(r"^Type: (\w+)$", file.read_text(), re.M) for file in FOLDER.glob("*.txt")}
    assert {name: found[1] for name, found in named.items() if found and found[1] not in TYPES} == {}


def test_a_percent_sign_among_the_facts_is_a_percent_sign() -> None:
    facts = {"what": "prices of plan 50 %(off)s", "product": "100 % backup", "product_id": "1", "place": "pricing"}
    body = render("listing_approved", facts, portal_name="Portal", portal_url="https://portal.example")
    assert body.subject == "Approved: prices of plan 50 %(off)s of 100 % backup"


def test_several_with_different_reasons_leave_them_to_their_pages() -> None:
    told = [
        {"number": f"ENG-{n}", "name": "A", "product": "P", "reason": f"Reason {n}.", "engagement_id": str(n)}
        for n in (1, 2)
    ]
    body = render_together("request_rejected", told, portal_name="Portal", portal_url="https://portal.example")
    assert "Reason" not in body.text
    assert "https://portal.example/my/engagements/2" in body.text
    assert "\n\n\n" not in body.text
