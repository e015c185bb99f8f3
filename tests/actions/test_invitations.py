"""Invitations: one open for a person, answered once, by nobody else, for a week."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.foundation.database import db, transaction
from app.foundation.history import History, verify
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import actions, checks, invitations, keys, queries, roster, rules
from app.members.model import Invitation, Member, Membership
from app.members.roles import CUSTOMER_ADMIN, PARTNER_ADMIN, PRICING_VIEWER, PRODUCT_EDITOR
from app.parties.model import Organisation
from tests.people import everybody

HERE = "192.0.2.1"
NEW = "nia@northbridge.example"
PASSPHRASE = "four calm herons wade"


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def invite(people, email=NEW, roles=(PRODUCT_EDITOR,), by="ada"):
    by = people.viewer(by)
    with viewing(by):
        return invitations.invite(email, roles, by=by)


def token_of(invitation):
    return invitations.link_token(invitation)


def events():
    with acting_for_all("a test reads History"):
        kept = db.session.scalars(
            select(History.event).where(History.subject_kind == "organisation").order_by(History.id)
        )
        return [event for event in kept if event.startswith("invitation") or event == "member_joined"]


def mails(template):
    with acting_for_all("a test reads the outbox"):
        return db.session.scalars(select(OutboxRow).where(OutboxRow.template == template)).all()


def open_ones():
    db.session.rollback()
    with acting_for_all("a test counts"):
        return db.session.scalars(select(Invitation).where(Invitation.state == "open")).all()


def test_the_inviter_is_told_the_answer(people):
    cy = people.viewer("cy")
    invitations.decline(token_of(invite(people, people.cy.email)))
    with viewing(cy):
        invitations.accept(token_of(invite(people, people.cy.email)), by=cy)
    for template in ("invitation_declined", "invitation_accepted"):
        [mail] = mails(template)
        assert (mail.audience, mail.address) == ("member", str(people.ada.id))
    assert events() == [
        "invitation_sent", "invitation_declined", "invitation_sent", "invitation_accepted", "member_joined",
    ]  # fmt: skip
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_one_is_open_for_a_person_until_it_is_answered(people):
    invite(people)
    with pytest.raises(Refused) as no:
        invite(people, " NIA@northbridge.example ", by="abe")
    assert no.value.field == "email"
    assert "invited already" in str(no.value)
    with viewing(people.viewer("cy")):  # another organisation invites whom it likes
        invitations.invite(NEW, [], by=people.viewer("cy"))
    assert len(open_ones()) == 2


def test_two_admins_inviting_at_once_send_one(app, people):
    ready, said = threading.Barrier(2), []

    def send(name):
        with app.app_context():
            by = people.viewer(name)
            ready.wait(20)
            try:
                with viewing(by):
                    invitations.invite(NEW, [], by=by)
                said.append("sent")
            except Refused as no:
                said.append(no.field)
            finally:
                db.session.remove()

    together(send, ("ada",), ("abe",))
    assert sorted(said) == ["email", "sent"]
    assert len(open_ones()) == len(mails("invitation")) == 1


def test_two_answers_at_once_make_one_membership(app, people):
    token = token_of(invite(people, people.cy.email, [PRICING_VIEWER]))
    ready, said = threading.Barrier(3), []

    def answer(how):
        with app.app_context():
            cy = people.viewer("cy")
            ready.wait(20)
            try:
                if how == "accept":
                    with viewing(cy):
                        invitations.accept(token, by=cy)
                else:
                    invitations.decline(token)
                said.append(how)
            except AlreadyDone:
                said.append("late")
            finally:
                db.session.remove()

    together(answer, ("accept",), ("accept",), ("decline",))
    assert said.count("late") == 2
    with acting_for_all("a test counts"):
        here = Membership.organisation_id == people.northbridge.id
        joined = db.session.scalars(select(Membership).where(Membership.member_id == people.cy.id, here)).all()
    assert len(joined) == ("accept" in said)


def test_two_new_accounts_at_once_are_one(app, people):
    token = token_of(invite(people))
    ready, said = threading.Barrier(2), []

    def join(name):
        with app.app_context():
            ready.wait(20)
            try:
                invitations.accept_as_new(token, name, PASSPHRASE, source=HERE)
                said.append("joined")
            except (AlreadyDone, Refused):
                said.append("late")
            finally:
                db.session.remove()

    together(join, ("Nia",), ("Nina",))
    assert sorted(said) == ["joined", "late"]


def together(do, *arguments):
    threads = [threading.Thread(target=do, args=given) for given in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_after_a_week_it_expires_and_gives_way_to_another(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        invitation = invite(people)
        token = token_of(invitation)
        now.shift(rules.INVITED_FOR - timedelta(seconds=1))
        assert invitations.standing_of(*invitations.holder_of(token)) == "open"
        now.shift(timedelta(seconds=1))
        assert invitations.standing_of(*invitations.holder_of(token)) == "expired"
        with pytest.raises(AlreadyDone):
            invitations.accept_as_new(token, "Nia", PASSPHRASE, source=HERE)
        with pytest.raises(AlreadyDone):
            invitations.decline(token)
        another = invite(people, by="abe")
        assert another.id != invitation.id
        assert invitations.standing_of(*invitations.holder_of(token)) == "replaced"
        assert events() == ["invitation_sent", "invitation_expired", "invitation_sent"]


def test_sent_again_its_week_begins_anew(people):
    ada, cy = people.viewer("ada"), people.viewer("cy")
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        invitation = invite(people)
        with viewing(ada), pytest.raises(Refused):
            invitations.resend(invitation.id, by=ada)
        now.shift(rules.INVITED_FOR)
        with viewing(cy), pytest.raises(NotVisible):
            invitations.resend(invitation.id, by=cy)
        with viewing(ada):
            invitations.resend(invitation.id, by=ada)
        assert len(mails("invitation")) == 2
        invitations.accept_as_new(token_of(invitation), "Nia", PASSPHRASE, source=HERE)  # the first mail's link as well
        with viewing(ada), pytest.raises(AlreadyDone):
            invitations.resend(invitation.id, by=ada)


def test_withdrawn_its_link_is_worth_nothing(people):
    ada = people.viewer("ada")
    invitation = invite(people)
    token = token_of(invitation)
    for stranger in ("cy", "dot"):
        by = people.viewer(stranger)
        with viewing(by), pytest.raises(NotVisible):
            invitations.withdraw(invitation.id, by=by)
    with viewing(ada):
        invitations.withdraw(invitation.id, by=ada)
        with pytest.raises(AlreadyDone):
            invitations.withdraw(invitation.id, by=ada)
    with pytest.raises(AlreadyDone):
        invitations.accept_as_new(token, "Nia", PASSPHRASE, source=HERE)
    assert not mails("invitation_declined")


def test_withdrawn_and_invited_again_no_mailbox_is_filled(people):
    ada = people.viewer("ada")
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as now:
        with viewing(ada):
            invitations.withdraw(invite(people).id, by=ada)
        now.move_to("2026-03-02T10:09:59Z")
        with pytest.raises(Refused) as no:
            invite(people, by="abe")
        assert (no.value.field, len(mails("invitation"))) == ("email", 1)
        invite(people, by="cy")  # another organisation's invitation is another matter
        now.move_to("2026-03-02T10:10:00Z")
        invite(people)
    assert len(mails("invitation")) == 3


def test_who_is_removed_comes_back_by_no_invitation_of_their_own(people):
    abe, ada = people.viewer("abe"), people.viewer("ada")
    own = invite(people, "abe.private@mail.example", [PARTNER_ADMIN], by="abe")
    colleagues = invite(people, "nia@northbridge.example")
    elsewhere = invite(people, people.abe.email, by="cy")
    with viewing(ada):
        actions.remove_from_organisation(people.memberships["abe"].id, by=ada)
    with pytest.raises(AlreadyDone):
        invitations.accept_as_new(token_of(own), "Abe again", PASSPHRASE, source=HERE)
    assert {row.id for row in open_ones()} == {colleagues.id, elsewhere.id}
    assert "invitation_withdrawn" in events() and abe.member_id is not None
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_who_is_no_admin_any_more_lets_nobody_in(people):
    ada = people.viewer("ada")
    invite(people, "abe.private@mail.example", [PARTNER_ADMIN], by="abe")
    with viewing(ada):
        actions.change_roles(people.memberships["abe"].id, [PARTNER_ADMIN, PRICING_VIEWER], by=ada)
        assert len(open_ones()) == 1
        actions.change_roles(people.memberships["abe"].id, [PRICING_VIEWER], by=ada)
    assert open_ones() == []


def test_a_removed_operator_lets_nobody_in_anywhere(people):
    olga, otto = people.viewer("olga"), people.viewer("otto")
    with viewing(otto):
        invitations.invite(
            "otto.private@mail.example",
            [PARTNER_ADMIN],
            by=otto,
            organisation_id=people.contrail.id,
            capacity="partner",
        )
    kept = invite(people, people.otto.email, by="cy")
    with viewing(olga):
        actions.remove_from_organisation(people.memberships["otto"].id, by=olga)
    assert [row.id for row in open_ones()] == [kept.id]


def test_nobody_accepts_for_somebody_else(people):
    token = token_of(invite(people, people.cy.email))
    for first_name in ("eve", "ada"):
        by = people.viewer(first_name)
        with viewing(by), pytest.raises(NotVisible):
            invitations.accept(token, by=by)
    with pytest.raises(Refused) as no:  # nor sets a password of an account that stands
        invitations.accept_as_new(token, "Cy", PASSPHRASE, source=HERE)
    assert no.value.field == "password"
    assert len(open_ones()) == 1


def test_an_account_that_never_had_a_password_gets_it_with_the_acceptance(people):
    with acting_for_all("a test"), transaction():
        cy = one(Member, people.cy.id)
        cy.password, mark = None, cy.session_mark
    passed = invitations.accept_as_new(
        token_of(invite(people, people.cy.email)), "Cyril Tanaka", PASSPHRASE, source=HERE
    )
    assert passed.member_id == people.cy.id
    assert passed.mark != mark
    assert queries.signed_in(people.cy.id).name == "Cyril Tanaka"


@pytest.mark.parametrize("change", [{"is_partner": False}, {"deactivated_at": True}])
def test_an_organisation_that_is_gone_takes_nobody_in(people, change):
    token = token_of(invite(people))
    with acting_for_all("a test"), transaction():
        northbridge = one(Organisation, people.northbridge.id)
        for name, value in change.items():
            setattr(northbridge, name, northbridge.created_at if value is True else value)
    assert invitations.standing_of(*invitations.holder_of(token)) == "withdrawn"
    with pytest.raises(AlreadyDone):
        invitations.accept_as_new(token, "Nia", PASSPHRASE, source=HERE)
    with pytest.raises(Refused):
        invite(people, "other@northbridge.example")


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "🙂", "\0", "A" * 100_000, "eyJpIjoiMCJ9.x"],
)
def test_a_token_of_anybody_else_names_nothing(people, token):
    with pytest.raises(NotVisible):
        invitations.holder_of(token)
    with pytest.raises(NotVisible):
        invitations.decline(token)


@pytest.mark.parametrize("content", [{}, {"i": 7}, {"i": None}, {"i": "7"}, {"i": "f" * 32}, [1], "i"])
def test_a_token_of_ours_that_says_something_else_names_nothing(people, content):
    invitation = invite(people)
    with pytest.raises(NotVisible):
        invitations.holder_of(keys.sign("invitation link", content))
    with pytest.raises(NotVisible):  # made for another purpose
        invitations.holder_of(keys.sign("password link", {"i": invitation.id.hex}))


def test_no_more_than_so_many_are_open(people, monkeypatch):
    monkeypatch.setattr(rules, "MOST_INVITATIONS", 3)
    for number in range(3):
        invite(people, f"n{number}@northbridge.example")
    with pytest.raises(Refused) as no:
        invite(people)
    assert "3 invitations are open" in str(no.value)


def test_each_sees_its_own_organisations_invitations_only(people):
    invite(people)
    invite(people, "kim@acme.example", [CUSTOMER_ADMIN], by="dot")
    seen = {}
    for first_name in ("ada", "cy", "dot", "olga"):
        by = people.viewer(first_name)
        with viewing(by):
            rows = roster.people_here(by=by, kind=roster.INVITED).rows
            seen[first_name] = ([row.email for row in rows], len(db.session.scalars(select(Invitation)).all()))
    assert seen == {"ada": ([NEW], 1), "cy": ([], 0), "dot": (["kim@acme.example"], 1), "olga": ([], 2)}


def test_the_self_check_finds_an_answer_that_history_does_not_know(people):
    invite(people, "other@northbridge.example")
    invitations.accept_as_new(token_of(invite(people)), "Nia", PASSPHRASE, source=HERE)
    [check] = checks.checks()
    with acting_for_all("a test audits"):
        assert list(check.verdicts()) == ["", ""]
        with transaction() as session:
            session.execute(update(Invitation).values(state="declined").execution_options(synchronize_session=False))
        assert [verdict.partition(" is ")[2] for verdict in check.verdicts()] == [
            "declined, history says open",
            "declined, history says accepted",
        ]
