"""A notice that tells an instant says it on each reader's own clock: one mail a zone, one for all where none is told."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members.model import Member
from app.notices import digests, portal
from app.notices.actions import LEASE, Sent, send_due
from app.notices.addresses import refused_among
from app.notices.model import DemoMail, PortalNotice
from app.notices.smtp import Delayed
from tests.makers import make_member, make_organisation
from tests.notices.conftest import Inbox, settings_of
from tests.notices.inbox_stage import posted, set_stage

CLOSES = {"month": "October 2026", "closes_at": "2026-11-03T00:00:00+00:00", "count": 1, "engagements": ["ENG-1"]}
ZONES = {"ada": "Europe/Prague", "abe": "UTC", "ann": "Europe/Prague", "amy": "America/Los_Angeles"}
PRAGUE = ["ada@northbridge.example", "ann@northbridge.example"]
UTC, LOS_ANGELES = ["abe@northbridge.example"], ["amy@northbridge.example"]


@pytest.fixture
def northbridge(app: Flask) -> Iterator[Any]:
    with app.app_context():
        made = make_organisation("Northbridge", partner=True)
        for name, zone in ZONES.items():
            member = make_member(made, f"{name}@northbridge.example")
            with acting_for_all("a test's zone"), transaction():
                one(Member, member.id).zone = zone
        yield made


def post(organisation: Any, template: str = "month_reminder", facts: Any = CLOSES) -> None:
    with acting_for_all("a test's notice"), transaction():
        outbox.post(Notice("organisation", str(organisation.id), template, dict(facts)))


def send(settings: Any) -> Sent:
    db.session.remove()
    sent = send_due(settings)
    db.session.remove()
    return sent


def rows() -> list[OutboxRow]:
    with acting_for_all("a test looks"):
        return list(db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at, OutboxRow.id)))


def test_one_mail_a_zone(app: Flask, inbox: Inbox, northbridge: Any) -> None:
    post(northbridge)
    assert send(inbox.settings(app)).told == 1
    told = {tuple(sorted(to)): str(message["Subject"]) for to, message in inbox.mail}
    said = "October 2026 closes {}: 1 without a billing entry".format
    assert told == {
        tuple(PRAGUE): said("3 Nov 2026 01:00 in Prague (00:00 UTC)"),
        tuple(UTC): said("3 Nov 2026 00:00 UTC"),
        tuple(LOS_ANGELES): said("2 Nov 2026 16:00 in Los Angeles (3 Nov 2026 00:00 UTC)"),
    }
    (row,) = rows()
    assert row.sent_at is not None and row.tries == 1
    marks = {str(message["Message-ID"]) for _, message in inbox.mail}
    assert len(marks) == 3 and all(mark.startswith(f"<{row.id}.") for mark in marks)
    assert send(inbox.settings(app)).told == 0
    with acting_for_all("killed before it could be marked"), transaction():
        one(OutboxRow, row.id, lock=True).sent_at = None
    with clock.pinned(clock.now() + LEASE + timedelta(seconds=1)):
        assert send(inbox.settings(app)).told == 1
    assert {str(message["Message-ID"]) for _, message in inbox.mail[3:]} == marks


def test_what_tells_no_instant_is_one_mail(app: Flask, inbox: Inbox, northbridge: Any) -> None:
    post(northbridge, "joined_organisation", {"name": "Ada", "organisation": "Northbridge"})
    send(inbox.settings(app))
    ((to, message),) = inbox.mail
    assert sorted(to) == sorted([*PRAGUE, *UTC, *LOS_ANGELES])
    assert message["Message-ID"] == f"<{rows()[0].id}@localhost>"


def test_one_letter_that_fails_keeps_no_other_back(app: Flask, inbox: Inbox, northbridge: Any) -> None:
    """Los Angeles is put off and mailed alone later, on its own clock; who is refused for good is marked."""
    inbox.refuses = {LOS_ANGELES[0]: "451 later", UTC[0]: "550 no such mailbox"}
    post(northbridge)
    assert send(inbox.settings(app)).told == 1
    assert [sorted(to) for to, _ in inbox.mail] == [PRAGUE]
    assert set(refused_among([*PRAGUE, *UTC, *LOS_ANGELES])) == set(UTC)
    inbox.refuses.clear()
    with clock.pinned(clock.now() + timedelta(minutes=1)):
        send(inbox.settings(app))
    (to, message) = inbox.mail[-1]
    assert to == LOS_ANGELES
    assert "16:00 in Los Angeles" in message["Subject"]


def test_taken_for_nobody_it_is_put_off_or_given_up_as_a_whole(app: Flask, inbox: Inbox, northbridge: Any) -> None:
    inbox.says_to_data = "452 disk full"
    post(northbridge)
    assert send(inbox.settings(app)).delayed == 1
    inbox.says_to_data = "554 looks like spam"
    with clock.pinned(clock.now() + timedelta(minutes=1)):
        assert send(inbox.settings(app)).given_up == 1
    (row,) = rows()
    assert row.failed_at is not None and "554 looks like spam" in (row.last_error or "")
    assert refused_among([*PRAGUE, *UTC, *LOS_ANGELES]) == {}


def test_a_server_that_dies_between_two_letters(
    app: Flask, inbox: Inbox, northbridge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was served is not mailed again; the others get rows of their own."""
    from app.notices.smtp import MailServer

    genuine, calls = MailServer.send, []

    def dies(server: MailServer, message: Any, sender: str, to: Any) -> dict[str, str]:
        calls.append(to)
        if len(calls) == 2:
            raise Delayed("SMTPServerDisconnected: gone", server_is_away=True)
        return genuine(server, message, sender, to)

    post(northbridge)
    with monkeypatch.context() as broken:
        broken.setattr(MailServer, "send", dies)
        assert send(inbox.settings(app)).told == 1
    assert len(inbox.mail) == 2
    with clock.pinned(clock.now() + timedelta(minutes=1)):
        send(inbox.settings(app))
    served = [address for to, _ in inbox.mail for address in to]
    assert sorted(served) == sorted([*PRAGUE, *UTC, *LOS_ANGELES])


def test_the_demo_mailbox_shows_each_once(app: Flask, northbridge: Any) -> None:
    post(northbridge)
    for _ in range(2):
        send(settings_of(app, smtp_url=None, demo=True))
        with acting_for_all("it is said again"), transaction() as session:
            row = session.scalars(select(OutboxRow)).one()
            row.sent_at, row.due_at = None, clock.now()
    with acting_for_all("a test looks"):
        mails = db.session.scalars(select(DemoMail)).all()
    assert {mail.letter for mail in mails} == {"UTC", "Europe/Prague", "America/Los_Angeles"}
    assert len(mails) == 3


def test_the_portal_says_it_on_the_clock_of_whoever_looks(app: Flask) -> None:
    with app.app_context():
        stage = set_stage()
        ada = stage.viewer("ada")
        with acting_for_all("a test's notice"), transaction():
            outbox.post(Notice("organisation", str(stage.people.northbridge.id), "month_reminder", dict(CLOSES)))
        portal.show_due()
        db.session.remove()
        for zone, said in (("UTC", "3 Nov 2026 00:00 UTC"), ("Europe/Prague", "01:00 in Prague (00:00 UTC)")):
            with viewing(type(ada)(**{**ada.__dict__, "zone": zone})):
                notice = db.session.scalars(select(PortalNotice).where(PortalNotice.template == "month_reminder")).one()
                assert said in portal.said(notice, app.config["SETTINGS"]).subject


def test_the_digest_says_since_when_on_the_members_clock(app: Flask, inbox: Inbox) -> None:
    with app.app_context():
        nine = clock.now().replace(hour=9, minute=0, second=0, microsecond=0)
        with clock.pinned(nine - timedelta(days=2)):
            stage = set_stage()
            stage.requests(hours_ago=0)
            with acting_for_all("a test's zone"), transaction():
                one(Member, stage.people.ada.id).zone = "Europe/Prague"
        db.session.remove()
        with clock.pinned(nine):
            digests.send_due()
            assert str(stage.people.ada.id) in {row.address for row in posted("digest")}
            send(inbox.settings(app))
    text = {to[0]: message.get_content() for to, message in inbox.mail if "decision" in str(message["Subject"])}
    assert "in Prague (09:00 UTC)" in " ".join(text["ada@northbridge.example"].split())
    assert "in Prague" not in text["abe@northbridge.example"]
