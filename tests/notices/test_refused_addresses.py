"""An address refused for good: marked, mailed no more, confirmed by a link that only its member can use."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import sign_ins
from app.members.model import Member
from app.notices import addresses
from app.notices.actions import send_due
from app.notices.delivery import facts_of
from tests.notices.conftest import Inbox
from tests.notices.inbox_stage import Stage, posted, set_stage

DOT = "dot@acme.example"


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context():
        yield set_stage()


def tell(member: Any, *, audience: str = "member") -> None:
    facts = {"client": "Acme", "number": "ENG-1", "name": "Archive", "engagement_id": "1"}
    with transaction(), acting_for_all("a test's notice"):
        outbox.post(Notice(audience, str(member.id), "request_withdrawn", facts))


def send(app: Flask, inbox: Inbox) -> None:
    db.session.remove()
    send_due(inbox.settings(app))
    db.session.remove()


@pytest.mark.parametrize(
    ("word", "is_about_it"),
    [
        ("550 no such mailbox here", True),
        ("550 5.1.1 user unknown", True),
        ("553 mailbox name not allowed", True),
        ("550 5.7.1 relaying denied", False),
        ("530 5.7.0 authentication required", False),
        ("535 bad credentials", False),
        ("554-5.7.1 blocked, see our list", False),
        ("451 come back later", False),
    ],
)
def test_which_words_are_about_the_address(word: str, is_about_it: bool) -> None:
    assert addresses.is_about_the_address(word) is is_about_it


def test_a_refused_member_is_mailed_no_more_until_confirmed(app: Flask, inbox: Inbox, stage: Stage) -> None:
    send(app, inbox)
    inbox.mail.clear()
    inbox.refuses[DOT] = "550 no such mailbox here"
    tell(stage.people.dot)
    send(app, inbox)
    assert addresses.refused_among([DOT.upper()])[DOT].word == "550 no such mailbox here"
    inbox.refuses.clear()
    tell(stage.people.dot)
    send(app, inbox)
    assert inbox.mail == []
    with viewing(stage.viewer("dot")) as dot:
        addresses.ask_to_confirm(by=dot)
        addresses.ask_to_confirm(by=dot)
    send(app, inbox)
    ((to, mail),) = inbox.mail
    assert to == [DOT]
    token = mail.get_content().split("/account/notices/confirm/")[1].split()[0]
    for stranger in ("eve", "ada"):
        with viewing(stage.viewer(stranger)) as viewer, pytest.raises(NotVisible):
            addresses.confirm(token, by=viewer)
    with viewing(stage.viewer("dot")) as dot:
        for wrong in ("", "x", token + "x", token[:-4]):
            with pytest.raises(NotVisible):
                addresses.address_of(wrong, by=dot)
        with clock.pinned(clock.now() + addresses.LINK_FOR + timedelta(seconds=1)), pytest.raises(NotVisible):
            addresses.address_of(token, by=dot)
        addresses.confirm(token, by=dot)
        addresses.confirm(token, by=dot)
    tell(stage.people.dot)
    send(app, inbox)
    assert len(inbox.mail) == 2


def test_the_others_of_a_mail_are_served_and_the_refused_one_is_marked(app: Flask, inbox: Inbox, stage: Stage) -> None:
    send(app, inbox)
    inbox.mail.clear()
    inbox.refuses["abe@northbridge.example"] = "550 gone"
    tell(stage.people.northbridge, audience="organisation")
    send(app, inbox)
    assert set(addresses.refused_among(["abe@northbridge.example", "ada@northbridge.example"])) == {
        "abe@northbridge.example"
    }
    inbox.refuses.clear()
    tell(stage.people.northbridge, audience="organisation")
    send(app, inbox)
    assert "abe@northbridge.example" not in inbox.mail[-1][0]
    assert "ada@northbridge.example" in inbox.mail[-1][0]


def test_our_own_trouble_marks_nobody(app: Flask, inbox: Inbox, stage: Stage) -> None:
    send(app, inbox)
    inbox.refuses[DOT] = "550 5.7.1 relaying denied"
    tell(stage.people.dot)
    send(app, inbox)
    inbox.refuses.clear()
    inbox.says_to_data = "554 looks like spam"
    tell(stage.people.eve)
    send(app, inbox)
    assert addresses.refused_among([DOT, "eve@globex.example"]) == {}


def test_another_address_is_mailed_at_once_and_the_link_of_the_old_one_is_dead(
    app: Flask, inbox: Inbox, stage: Stage
) -> None:
    send(app, inbox)
    inbox.refuses[DOT] = "550 gone"
    tell(stage.people.dot)
    send(app, inbox)
    with viewing(stage.viewer("dot")) as dot:
        addresses.ask_to_confirm(by=dot)
    token = str(facts_of(posted("confirm_address")[0])["path"]).rpartition("/")[2]
    with acting_for_all("the address changes"), transaction():
        one(Member, stage.people.dot.id).email = "dot.hale@acme.example"
    inbox.mail.clear()
    tell(stage.people.dot)
    send(app, inbox)
    assert ["dot.hale@acme.example"] in [to for to, _ in inbox.mail]
    with viewing(stage.viewer("dot")) as dot, pytest.raises(NotVisible):
        addresses.confirm(token, by=dot)


def test_a_password_link_goes_out_all_the_same(app: Flask, inbox: Inbox, stage: Stage) -> None:
    send(app, inbox)
    with transaction(), acting_for_all("a test's mark"):
        addresses.note_refused(DOT, "550 gone")
    inbox.mail.clear()
    sign_ins.ask_for_link(DOT, source="127.0.0.1")
    send(app, inbox)
    assert [to for to, _ in inbox.mail] == [[DOT]]


def test_mail_says_that_nobody_wrote_it(app: Flask, inbox: Inbox, stage: Stage) -> None:
    send(app, inbox)
    tell(stage.people.dot)
    send(app, inbox)
    message = inbox.mail[-1][1]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Reply-To"] is None


def test_nobody_refused_is_asked_to_confirm(app: Flask, stage: Stage) -> None:
    with viewing(stage.viewer("dot")) as dot:
        addresses.ask_to_confirm(by=dot)
    assert posted("confirm_address") == []
