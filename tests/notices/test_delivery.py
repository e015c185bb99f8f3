"""Outbox rows on their way: claimed once, mailed, marked; put off or given up for a reason that stays."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all, one
from app.members.model import Member
from app.members.roles import CUSTOMER_MEMBER, INSTANCE_EDITOR, PRICING_VIEWER
from app.notices import portal
from app.notices.actions import LEASE, Sent, send_due, wait_after
from app.notices.model import DemoMail, PortalNotice
from app.parties.model import Organisation
from tests.makers import make_member, make_organisation
from tests.notices.conftest import Inbox, free_port, settings_of

JOINED = {"name": "Ada", "organisation": "Northbridge"}


def post(
    address: str = "ada@northbridge.example", audience: str = "address", permission: str | None = None, **facts: str
) -> None:
    with acting_for_all("a test's notice"), transaction():
        outbox.post(Notice(audience, address, "joined_organisation", {**JOINED, **facts}, permission))


def rows() -> list[OutboxRow]:
    db.session.remove()
    with acting_for_all("a test looks"):
        return list(db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at)))


def send(settings: Settings) -> Sent:
    sent = send_due(settings)
    db.session.remove()
    return sent


@pytest.fixture(autouse=True)
def in_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_notice_becomes_mail(app: Flask, inbox: Inbox) -> None:
    post()
    sent = send(inbox.settings(app))
    (row,), ((to, message),) = rows(), inbox.mail
    assert (sent.told, sent.delayed, sent.given_up) == (1, 0, 0)
    assert to == ["ada@northbridge.example"]
    assert message["Subject"] == "You now act for Northbridge too"
    assert message["Message-ID"] == f"<{row.id}@localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["From"]) == "Partner Portal <portal@localhost>"
    assert "http://localhost/sign-in" in message.get_content()
    assert row.sent_at is not None
    assert (row.tries, row.last_error, row.failed_at) == (1, None, None)
    assert send(inbox.settings(app)).told == 0
    assert len(inbox.mail) == 1


def test_an_organisation_is_whoever_may(app: Flask, inbox: Inbox) -> None:
    northbridge, acme = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
    make_member(northbridge, "ada@northbridge.example")
    make_member(northbridge, "ben@northbridge.example", roles=[PRICING_VIEWER])
    make_member(northbridge, "gone@northbridge.example", active=False)
    make_member(northbridge, "abe@northbridge.example", roles=[INSTANCE_EDITOR])
    make_member(acme, "dot@acme.example", capacity="customer", roles=[CUSTOMER_MEMBER])
    post(str(northbridge.id), "organisation", "engagement:decide")
    send(inbox.settings(app))
    ((to, _),) = inbox.mail
    assert sorted(to) == ["abe@northbridge.example", "ada@northbridge.example"]


def test_who_lacks_a_required_second_factor_is_mailed_nothing_and_reads_it_here_later(app: Flask, inbox: Inbox) -> None:
    northbridge = make_organisation("Northbridge", partner=True)
    ada = make_member(northbridge, "ada@northbridge.example").id
    abe = make_member(northbridge, "abe@northbridge.example").id
    with acting_for_all("Northbridge asks for more"), transaction():
        one(Organisation, northbridge.id).second_factor_since = clock.now()
        one(Member, abe).totp_confirmed_at = clock.now()
    post(str(northbridge.id), "organisation", "engagement:decide")
    send(inbox.settings(app))
    ((to, _),) = inbox.mail
    assert to == ["abe@northbridge.example"]
    portal.show_due()
    with acting_for_all("a test looks"):
        assert set(db.session.scalars(select(PortalNotice.member_id))) == {ada, abe}


def test_a_member_is_told_at_the_present_address(app: Flask, inbox: Inbox) -> None:
    acme = make_organisation("Acme", customer=True)
    post(str(make_member(acme, "dot@acme.example", capacity="customer").id), "member")
    post(str(make_member(acme, "gone@acme.example", capacity="customer", active=False).id), "member")
    sent = send(inbox.settings(app))
    assert [to for to, _ in inbox.mail] == [["dot@acme.example"]]
    assert (sent.told, sent.given_up) == (1, 1)
    assert rows()[1].failed_at is not None
    assert "nobody to tell" in (rows()[1].last_error or "")


def test_a_server_that_is_down_delays_mail(app: Flask, start_server: Callable[..., Inbox]) -> None:
    port = free_port()
    settings = settings_of(app, smtp_url=f"smtp://127.0.0.1:{port}")
    post()
    post("abe@northbridge.example")
    before = clock.now()
    sent = send(settings)
    first, second = rows()
    assert (sent.told, sent.delayed) == (0, 1)  # a server that is away is not asked again for every row
    assert first.tries == 1
    assert "Refused" in (first.last_error or "")
    assert timedelta(seconds=29) < first.due_at - before < timedelta(seconds=40)
    assert second.tries == 0
    inbox = start_server(port)
    assert send(settings).told == 1  # the second; the first is not due yet
    with clock.pinned(before + timedelta(seconds=60)):
        assert send(settings).told == 1
    assert len(inbox.mail) == 2
    assert all(row.sent_at for row in rows())


def test_waits_double_up_to_an_hour() -> None:
    assert [wait_after(tries).total_seconds() for tries in (1, 2, 3, 7, 8, 500)] == [30, 60, 120, 1920, 3600, 3600]


def test_refused_for_good_keeps_the_servers_word(app: Flask, inbox: Inbox) -> None:
    inbox.refuses["nobody@acme.example"] = "550 no such mailbox here"
    post("nobody@acme.example")
    post()
    sent = send(inbox.settings(app))
    gone, told = rows()
    assert (sent.told, sent.given_up) == (1, 1)
    assert gone.failed_at is not None
    assert "550 no such mailbox here" in (gone.last_error or "")
    assert told.sent_at is not None
    with clock.pinned(clock.now() + timedelta(days=30)):
        assert send(inbox.settings(app)).told == 0


def test_a_refused_message_is_given_up(app: Flask, inbox: Inbox) -> None:
    inbox.says_to_data = "554 looks like spam"
    post()
    send(inbox.settings(app))
    assert "554 looks like spam" in (rows()[0].last_error or "")
    assert rows()[0].failed_at is not None


@pytest.mark.parametrize("where", ["recipient", "message"])
def test_not_now_is_tried_again(app: Flask, inbox: Inbox, where: str) -> None:
    if where == "recipient":
        inbox.refuses["ada@northbridge.example"] = "451 greylisted, come back"
    else:
        inbox.says_to_data = "452 disk full"
    post()
    assert send(inbox.settings(app)).delayed == 1
    assert (rows()[0].tries, rows()[0].failed_at) == (1, None)
    inbox.refuses.clear()
    inbox.says_to_data = None
    with clock.pinned(clock.now() + timedelta(minutes=2)):
        assert send(inbox.settings(app)).told == 1


def test_whom_the_server_put_off_is_mailed_alone(app: Flask, inbox: Inbox) -> None:
    northbridge = make_organisation("Northbridge", partner=True)
    for name in ("ada", "abe", "ann"):
        make_member(northbridge, f"{name}@northbridge.example")
    inbox.refuses = {"abe@northbridge.example": "451 later", "ann@northbridge.example": "550 gone"}
    post(str(northbridge.id), "organisation")
    send(inbox.settings(app))
    inbox.refuses.clear()
    with clock.pinned(clock.now() + timedelta(minutes=1)):
        send(inbox.settings(app))
    assert [to for to, _ in inbox.mail] == [["ada@northbridge.example"], ["abe@northbridge.example"]]
    assert "550 gone" in (rows()[0].last_error or "")


def test_a_slow_server_holds_no_lock(app: Flask, inbox: Inbox) -> None:
    inbox.thinks_seconds = 2
    post()
    sender = threading.Thread(target=in_own_context, args=(app, inbox.settings(app)))
    sender.start()
    time.sleep(0.5)
    began = time.monotonic()
    with acting_for_all("another process meanwhile"), transaction() as session:
        row = session.scalars(select(OutboxRow)).one()
        assert one(OutboxRow, row.id, lock=True).sent_at is None
    post("abe@northbridge.example")
    took = time.monotonic() - began
    assert not inbox.mail
    sender.join()
    assert took < 0.5
    assert rows()[0].sent_at is not None


def test_two_senders_send_once(app: Flask, inbox: Inbox) -> None:
    inbox.thinks_seconds = 0.01
    for number in range(40):
        post(f"member{number}@northbridge.example")
    senders = [threading.Thread(target=in_own_context, args=(app, inbox.settings(app))) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    sent = [message["Message-ID"] for _, message in inbox.mail]
    assert len(sent) == len(set(sent)) == 40
    assert all(row.sent_at and row.tries == 1 for row in rows())


def in_own_context(app: Flask, settings: Settings) -> None:
    with app.app_context():
        send_due(settings)


def test_killed_before_it_could_be_marked(app: Flask, inbox: Inbox) -> None:
    """A sender that dies leaves its claim: nobody takes the row before that has run out, then it is mailed under the same id."""
    post()
    (row,) = rows()
    with acting_for_all("a sender that died"), transaction():
        one(OutboxRow, row.id, lock=True).due_at = clock.now() + LEASE
    assert send(inbox.settings(app)).told == 0
    with clock.pinned(clock.now() + LEASE + timedelta(seconds=1)):
        assert send(inbox.settings(app)).told == 1
    assert inbox.mail[0][1]["Message-ID"] == f"<{row.id}@localhost>"


def test_our_own_fault_delays_one_and_not_the_others(app: Flask, inbox: Inbox) -> None:
    with acting_for_all("a test's notice"), transaction():
        outbox.post(Notice("address", "x@acme.example", "no_such_template", {}))
        outbox.post(Notice("address", "x@acme.example", "joined_organisation", {"name": "a fact too few"}))
    post()
    sent = send(inbox.settings(app))
    assert (sent.told, sent.delayed) == (1, 2)
    assert [row.failed_at for row in rows()] == [None] * 3
    assert "TemplateNotFound" in (rows()[0].last_error or "")
    assert "UndefinedError" in (rows()[1].last_error or "")


def test_what_somebody_typed_is_no_header(app: Flask, inbox: Inbox) -> None:
    post(organisation="Acme\r\nBcc: everybody@acme.example\r\n\r\nHello")
    send(inbox.settings(app))
    ((to, message),) = inbox.mail
    assert to == ["ada@northbridge.example"]
    assert message["Bcc"] is None
    assert message["Subject"] == "You now act for Acme Bcc: everybody@acme.example Hello too"


def test_without_a_server_mail_waits(app: Flask) -> None:
    post()
    assert send(settings_of(app, smtp_url=None, demo=False)) == Sent()
    assert rows()[0].tries == 0


def test_the_demo_shows_mail_in_the_portal_and_keeps_no_link(app: Flask) -> None:
    with acting_for_all("a test's notice"), transaction():
        outbox.post(
            Notice(
                "address",
                "ada@northbridge.example",
                "reset_password",
                {"name": "Ada", "path": "/reset-password/x", "hours": 1},
            )
        )
    assert send(settings_of(app, smtp_url=None, demo=True)).told == 1
    with acting_for_all("a test looks"):
        mail = db.session.scalars(select(DemoMail)).one()
    assert (mail.to, mail.outbox_id) == ("ada@northbridge.example", rows()[0].id)
    assert "http://localhost/reset-password/x" in mail.body
    assert rows()[0].facts == {"name": "Ada", "hours": 1}
    assert rows()[0].sent_at is not None
