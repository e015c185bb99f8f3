"""Sign-up of a customer: nothing before the link, nothing learned by asking, all or nothing with it."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app.foundation.database import db
from app.foundation.history import History, verify
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import acting_for_all
from app.members import queries, rules, sign_ins, sign_ups
from app.members.model import Member, SignUp
from app.members.tries import TooManyTries
from app.notices.bodies import render
from app.notices.delivery import facts_of
from app.parties.model import Organisation
from tests.people import everybody

HERE, THERE = "192.0.2.1", "192.0.2.2"
KIM, PASSPHRASE = "kim@harbour.example", "four calm herons wade"


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def ask(email=KIM, organisation="Harbour Works", source=HERE, password=PASSPHRASE):
    sign_ups.ask(organisation, "Kim Okafor", email, password, source=source)


def mails():
    with acting_for_all("a test reads the outbox"):
        return db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at, OutboxRow.id)).all()


def token():
    return facts_of(mails()[-1])["path"].rpartition("/")[2]


def count(model):
    db.session.rollback()  # what was read before another thread wrote is no news
    with acting_for_all("a test counts"):
        return db.session.scalar(select(func.count()).select_from(model))


def test_the_link_and_the_password_make_organisation_and_admin(people):
    before = count(Organisation), count(Member)
    ask(" KIM@harbour.example", "  Harbour   Works ")
    assert (count(Organisation), count(Member)) == before
    with pytest.raises(Refused):
        sign_ins.check_password(KIM, PASSPHRASE, source=HERE)
    passed = sign_ups.confirm(token(), "Harbour Works", PASSPHRASE, source=HERE)
    person = queries.signed_in(passed.member_id)
    assert person is not None
    [choice] = person.choices
    assert (choice.organisation_name, choice.capacity) == ("Harbour Works", "customer")
    viewer = queries.viewer_for(person, None)
    assert viewer.may("member:manage")
    assert viewer.may("engagement:request")
    assert sign_ins.check_password(KIM, PASSPHRASE, source=HERE).member_id == passed.member_id
    with acting_for_all("a test reads History"):
        said = db.session.scalars(select(History.event).where(History.by_label.contains("signing up"))).all()
        assert sorted(said) == ["member_added", "member_joined", "organisation_added"]
        assert not list(verify())
    with pytest.raises(AlreadyDone):
        sign_ups.confirm(token(), "Harbour Works", PASSPHRASE, source=HERE)


def test_who_has_an_account_is_told_so_by_mail_and_nobody_else(people):
    ask(people.dot.email)
    [mail] = mails()
    assert (mail.template, mail.address, "path" in mail.facts) == ("sign_up_known", people.dot.email, False)
    assert count(SignUp) == 0


def test_nothing_that_a_stranger_typed_is_mailed_under_our_name(people):
    lure = "You have won, see evil.example"
    for email in (KIM, people.dot.email):
        sign_ups.ask(lure, lure, email, PASSPHRASE, source=HERE)
    for mail in mails():
        body = render(mail.template, facts_of(mail), portal_name="Portal", portal_url="https://portal.example")
        assert "evil.example" not in body.subject + body.text


def test_a_name_that_stands_is_refused_with_the_link_only_and_another_may_be_chosen(people):
    ask(organisation="ACME")  # nothing said: nobody learns who does business here
    for name in ("ACME", "acme", " Acme "):
        with pytest.raises(Refused) as no:
            sign_ups.confirm(token(), name, PASSPHRASE, source=HERE)
        assert no.value.field == "organisation"
    assert count(Member) == 8
    sign_ups.confirm(token(), "Acme of Kim", PASSPHRASE, source=HERE)


def test_names_with_letters_of_any_alphabet_are_compared(people):
    for number, name in enumerate(("Łódź Textiles", "Łódź Textiles")):
        ask(f"k{number}@harbour.example", organisation=name)
    first, second = (facts_of(mail)["path"].rpartition("/")[2] for mail in mails())
    sign_ups.confirm(first, "Łódź Textiles", PASSPHRASE, source=HERE)
    with pytest.raises(Refused):
        sign_ups.confirm(second, "Łódź Textiles", PASSPHRASE, source=HERE)


def test_the_link_alone_confirms_nothing_that_somebody_else_typed(people):
    ask()
    for _ in range(5):
        with pytest.raises(Refused) as no:
            sign_ups.confirm(token(), "Harbour Works", "not what was chosen", source=HERE)
        assert no.value.field == "password"
    with pytest.raises(TooManyTries):
        sign_ups.confirm(token(), "Harbour Works", PASSPHRASE, source=THERE)
    assert count(Member) == 8


def test_the_link_works_for_a_day(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        ask()
        now.shift(rules.SIGN_UP_FOR - timedelta(seconds=1))
        assert sign_ups.holder_of(token()).email == KIM
        now.shift(timedelta(seconds=1))
        with pytest.raises(NotVisible):
            sign_ups.holder_of(token())
        assert sign_ups.forget_old_sign_ups() == 0
        now.shift(rules.SIGN_UP_FOR + timedelta(seconds=1))
        assert sign_ups.forget_old_sign_ups() == 1


def test_an_account_made_meanwhile_is_not_taken_over(people):
    ask()
    mine = token()
    ask()
    sign_ups.confirm(token(), "Harbour Works", PASSPHRASE, source=HERE)
    with pytest.raises(Refused) as no:
        sign_ups.confirm(mine, "Harbour Works 2", PASSPHRASE, source=HERE)
    assert "account meanwhile" in str(no.value)


def test_a_mailbox_is_not_filled_and_a_flood_is_refused(people):
    for _ in range(5):
        ask()
    assert len(mails()) == 3
    for number in range(rules.TRIES_PER_SOURCE - 5):
        ask(f"n{number}@harbour.example")
    with pytest.raises(TooManyTries):
        ask("another@harbour.example")
    ask("another@harbour.example", source=THERE)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": KIM}, "password"),
        ({"organisation": "  "}, "name"),
        ({"organisation": "A" * 201}, "name"),
        ({"organisation": "A\x07"}, "name"),
    ],
)
def test_what_no_sign_up_can_be(people, typed, field):
    with pytest.raises(Refused) as no:
        ask(**typed)
    assert no.value.field == field
    assert not mails()


def test_two_confirmations_at_once_make_one_organisation(app, people):
    ask()
    link, ready, said = token(), threading.Barrier(2), []

    def confirm():
        with app.app_context():
            ready.wait(20)
            try:
                sign_ups.confirm(link, "Harbour Works", PASSPHRASE, source=HERE)
                said.append("made")
            except (AlreadyDone, Refused):
                said.append("late")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=confirm) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["late", "made"]
    assert (count(Organisation), count(Member)) == (6, 9)


@pytest.mark.parametrize("link", ["", "x", "a.b.c", "🙂", "\0", "A" * 100_000])
def test_a_link_of_nobody(people, link):
    with pytest.raises(NotVisible):
        sign_ups.confirm(link, "Harbour Works", PASSPHRASE, source=HERE)
