"""A server that refuses a recipient while it is talked to: the notice ends as failed with the server's word, for each of them.

The operator reads it among the failed rows and may try again, which mails the address again; its member and the admins read
why nothing is mailed. Bounces that come later by mail are not read: the portal reads no mail.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.foundation import clock, failed_rows, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members.model import Membership
from app.notices import addresses, portal
from app.notices.actions import send_due
from app.notices.failed_rows import retry_notice
from app.notices.model import PortalNotice
from tests.notices.conftest import Inbox
from tests.notices.inbox_stage import Stage, set_stage

DOT, ABE, ADA = "dot@acme.example", "abe@northbridge.example", "ada@northbridge.example"
FACTS = {"client": "Acme", "number": "ENG-1", "name": "Archive", "engagement_id": "1"}


@pytest.fixture
def stage(app: Flask, inbox: Inbox) -> Iterator[Stage]:
    with app.app_context():
        made = set_stage()
        send(app, inbox)
        inbox.mail.clear()
        yield made


def tell(stage: Stage, audience: str, whom: Any) -> None:
    with transaction(), acting_for_all("a test's notice"):
        outbox.post(Notice(audience, str(whom.id), "request_withdrawn", dict(FACTS)))


def send(app: Flask, inbox: Inbox) -> None:
    db.session.remove()
    send_due(inbox.settings(app))
    db.session.remove()


def failed(stage: Stage) -> list[Any]:
    kind = failed_rows.KINDS["mail"]
    with viewing(stage.viewer("olga")), kind.looking():
        return list(db.session.execute(kind.rows().order_by(*kind.keys)).all())


def retry(stage: Stage, row: Any) -> None:
    with viewing(stage.viewer("olga")) as olga:
        retry_notice(row.id, by=olga)


def to(inbox: Inbox) -> list[list[str]]:
    return [sorted(recipients) for recipients, _ in inbox.mail]


def test_one_of_several_has_a_failed_row_of_its_own(app: Flask, inbox: Inbox, stage: Stage) -> None:
    inbox.refuses[ABE] = "550 5.1.1 user unknown"
    tell(stage, "organisation", stage.people.northbridge)
    send(app, inbox)
    assert all(ABE not in recipients and ADA in recipients for recipients in to(inbox)) and inbox.mail
    (row,) = failed(stage)
    assert (row.party, row.tries, row.next_try_at) == ("Abe Adeyemi", 1, None)
    assert row.reason == f"{ABE}: 550 5.1.1 user unknown"
    assert row.failed_at is not None
    served = len(inbox.mail)
    inbox.refuses.clear()
    with clock.pinned(clock.now() + timedelta(days=1)):
        send(app, inbox)  # nobody tries it by itself
    assert len(inbox.mail) == served
    retry(stage, row)
    send(app, inbox)
    assert to(inbox)[served:] == [[ABE]]
    assert failed(stage) == [] and addresses.refused_among([ABE]) == {}


def test_what_is_refused_again_fails_again(app: Flask, inbox: Inbox, stage: Stage) -> None:
    inbox.refuses[DOT] = "550 no such mailbox"
    tell(stage, "member", stage.people.dot)
    send(app, inbox)
    for word in ("550 no such mailbox", "551 moved away"):
        inbox.refuses[DOT] = word
        (row,) = failed(stage)
        retry(stage, row)
        assert addresses.refused_among([DOT]) == {}
        send(app, inbox)
        (row,) = failed(stage)
        assert word in row.reason and row.failed_at is not None
        assert addresses.refused_among([DOT])[DOT].word == word
    assert inbox.mail == []


def test_tried_again_in_vain_before_it_is_really_sent_and_the_next_is_mailed(
    app: Flask, inbox: Inbox, stage: Stage
) -> None:
    """Retry does not end as 'nobody wants it by mail' because of the mark that its own failure has set."""
    inbox.refuses[DOT] = "550 no such mailbox"
    tell(stage, "member", stage.people.dot)
    send(app, inbox)
    inbox.refuses.clear()
    (row,) = failed(stage)
    retry(stage, row)
    send(app, inbox)
    assert to(inbox) == [[DOT]]
    with acting_for_all("a test looks"):
        sent = db.session.scalars(select(OutboxRow).where(OutboxRow.id == row.id)).one()
    assert sent.sent_at is not None and sent.last_error is None
    tell(stage, "member", stage.people.dot)
    send(app, inbox)
    assert to(inbox) == [[DOT], [DOT]]


def test_a_mark_from_before_stays(app: Flask, inbox: Inbox, stage: Stage) -> None:
    """What fails because of us and is tried again says nothing about an address that was refused long ago."""
    with transaction(), acting_for_all("a test's mark"), clock.pinned(clock.now() - timedelta(days=9)):
        addresses.note_refused(ABE, "550 gone")
    inbox.says_to_data = "554 looks like spam"
    tell(stage, "organisation", stage.people.northbridge)
    send(app, inbox)
    (row,) = failed(stage)
    inbox.says_to_data = None
    retry(stage, row)
    send(app, inbox)
    assert len(inbox.mail) == 1 and ABE not in to(inbox)[0]
    assert set(addresses.refused_among([ABE])) == {ABE}


def test_refused_because_of_us_it_fails_and_marks_nobody(app: Flask, inbox: Inbox, stage: Stage) -> None:
    inbox.refuses[ABE] = "550 5.7.1 relaying denied"
    tell(stage, "organisation", stage.people.northbridge)
    send(app, inbox)
    (row,) = failed(stage)
    assert "relaying denied" in row.reason and addresses.refused_among([ABE]) == {}


@pytest.mark.parametrize("word", ["550 gone", "451 later"])
def test_who_has_left_meanwhile_is_mailed_nothing(app: Flask, inbox: Inbox, stage: Stage, word: str) -> None:
    inbox.refuses[ABE] = word
    tell(stage, "organisation", stage.people.northbridge)
    send(app, inbox)
    served = len(inbox.mail)
    inbox.refuses.clear()
    with acting_for_all("a test's member leaves"), transaction() as session:
        session.delete(one(Membership, stage.people.memberships["abe"].id))
    for row in failed(stage):
        retry(stage, row)
    with clock.pinned(clock.now() + timedelta(minutes=2)):
        send(app, inbox)
    assert len(inbox.mail) == served
    (row,) = failed(stage)
    assert "nobody to tell" in row.reason


def test_told_alone_later_it_is_one_notice_in_the_portal(app: Flask, inbox: Inbox, stage: Stage) -> None:
    inbox.refuses[ABE] = "451 later"
    tell(stage, "organisation", stage.people.northbridge)
    for _ in range(2):
        portal.show_due()
        send(app, inbox)
    with viewing(stage.viewer("abe")):
        shown = select(func.count(PortalNotice.id)).where(PortalNotice.template == "request_withdrawn")
        assert db.session.scalar(shown) == 1


def test_the_menu_counts_what_the_page_lists(app: Flask, inbox: Inbox, stage: Stage) -> None:
    inbox.refuses = {DOT: "550 gone", ABE: "451 later"}
    tell(stage, "member", stage.people.dot)
    tell(stage, "organisation", stage.people.northbridge)
    send(app, inbox)
    with viewing(stage.viewer("olga")) as olga:
        counted = failed_rows.waiting_count(olga)
        assert counted is not None
        found = db.session.scalar(select(counted[1]))
    # Dot's is given up; Abe's waits for its first try alone and has not failed yet
    assert found == len(failed(stage)) == 1
    for other in ("ada", "dot"):
        with viewing(stage.viewer(other)) as viewer:
            assert failed_rows.waiting_count(viewer) is None
