"""Who has left an organisation is told nothing of its business any more; what concerns the own account is told all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.billing import corrections
from app.billing.model import Correction
from app.engagements import actions as engagements
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import invitations
from app.members.model import Membership
from app.members.roles import PARTNER_ADMIN, PRICING_VIEWER
from app.members.sign_ins import ask_for_link
from app.notices import delivery, portal
from app.notices.delivery import NobodyToTell
from app.parties.model import Organisation
from tests.makers import ask_correction, freeze_month, make_engagement, make_entry, make_membership
from tests.notices.inbox_stage import Stage, posted, set_stage

NINE = datetime(2026, 11, 4, 9, tzinfo=UTC)
ASKED, DECIDED = NINE - timedelta(hours=20), NINE - timedelta(hours=10)
OCT = BillingMonth(2026, 10)


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context():
        with clock.pinned(NINE - timedelta(days=2)):
            made = set_stage()
        yield made


def leave(stage: Stage, who: str) -> None:
    with acting_for_all("a test's member leaves"), transaction() as session:
        session.delete(one(Membership, stage.people.memberships[who].id))


def mailed(row: OutboxRow) -> list[str]:
    with acting_for_all("a test's mail job"):
        try:
            return list(delivery.mailed_to(row))
        except NobodyToTell:
            return []


def asked_correction(stage: Stage, by: str = "ada") -> Correction:
    with clock.pinned(NINE - timedelta(days=2)):
        engagement = make_engagement(stage.product, stage.people.acme)
        entry = make_entry(engagement, "2", month=OCT, by=stage.viewer("ada"), rated=True)
    freeze_month(OCT)
    return ask_correction(entry, "1", by=stage.viewer(by), at=ASKED)


def approve(correction: Correction, stage: Stage, by: str = "olga") -> OutboxRow:
    viewer = stage.viewer(by)
    with clock.pinned(DECIDED), viewing(viewer):
        corrections.approve(one(Correction, correction.id), by=viewer)
    (row,) = posted("correction_approved")
    return row


def test_a_partners_correction_is_mailed_to_who_asked_while_they_belong_to_it(stage: Stage) -> None:
    row = approve(asked_correction(stage), stage)
    assert row.organisation_id == stage.people.northbridge.id
    assert mailed(row) == ["ada@northbridge.example"]


def test_a_partners_correction_is_not_told_who_left_wherever_they_are_now(stage: Stage) -> None:
    asked = asked_correction(stage)
    leave(stage, "ada")
    with acting_for_all("a test's people"):
        make_membership(stage.people.ada, stage.people.contrail, "partner", [])
    row = approve(asked, stage)
    assert mailed(row) == []
    portal.show_due()
    with viewing(stage.viewer("ada")) as ada:
        assert portal.unread_count(ada) is not None
        assert not portal.latest(5)


def test_a_correction_the_operator_asked_for_is_told_on_the_operators_behalf(stage: Stage) -> None:
    row = approve(asked_correction(stage, by="olga"), stage, by="otto")
    assert row.organisation_id == stage.people.organisations["operator"].id
    assert mailed(row) == ["olga@operator.example"]


def test_a_rejected_correction_is_not_told_who_left(stage: Stage) -> None:
    asked, olga = asked_correction(stage), stage.viewer("olga")
    leave(stage, "ada")
    with clock.pinned(DECIDED), viewing(olga):
        corrections.reject(one(Correction, asked.id), reason="The minutes are right.", by=olga)
    (row,) = posted("correction_rejected")
    assert mailed(row) == []


def test_a_clients_engagement_is_not_told_who_left(stage: Stage) -> None:
    with clock.pinned(ASKED):
        engagement = make_engagement(stage.product, stage.people.acme, state="pending")
        with acting_for_all("a test's request"), transaction():
            one(Engagement, engagement.id).requested_by_id = stage.people.dot.id
    leave(stage, "dot")
    ada = stage.viewer("ada")
    with clock.pinned(DECIDED), viewing(ada):
        engagements.approve(one(Engagement, engagement.id), by=ada)
    (row,) = posted("request_approved")
    assert mailed(row) == []


def test_who_has_left_is_not_told_who_joined(stage: Stage) -> None:
    ada = stage.viewer("ada")
    with viewing(ada):
        invitation = invitations.invite("newcomer@northbridge.example", [PRICING_VIEWER], by=ada)
    leave(stage, "ada")
    invitations.decline(invitations.link_token(invitation))
    (row,) = posted("invitation_declined")
    assert mailed(row) == []


def test_the_operator_who_invited_for_a_partner_is_told(stage: Stage) -> None:
    olga = stage.viewer("olga")
    with viewing(olga):
        northbridge = one(Organisation, stage.people.northbridge.id)
        invitation = invitations.invite(
            "newcomer@northbridge.example", [PARTNER_ADMIN], by=olga, organisation_id=northbridge.id, capacity="partner"
        )
    invitations.decline(invitations.link_token(invitation))
    (row,) = posted("invitation_declined")
    assert mailed(row) == ["olga@operator.example"]


def test_what_concerns_the_account_is_mailed_to_who_belongs_nowhere(stage: Stage) -> None:
    leave(stage, "ada")
    ask_for_link("ada@northbridge.example", source="203.0.113.1")
    (row,) = posted("reset_password")
    assert mailed(row) == ["ada@northbridge.example"]
