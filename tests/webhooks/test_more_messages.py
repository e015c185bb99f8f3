"""What arrives of corrections and of who belongs to an organisation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from app.billing import corrections
from app.billing.model import Correction
from app.foundation.billing_month import BillingMonth
from app.foundation.tenancy import one, viewing
from app.members import actions, invitations
from app.members.roles import PRICING_VIEWER
from tests.makers import ask_correction, freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.people import People
from tests.screens.billing_stage import utc
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import listen

OCTOBER = BillingMonth(2026, 10)


@pytest.fixture
def november() -> Iterator[None]:
    with time_machine.travel(utc(2026, 11, 20, 9), tick=False):
        yield


def told(receiver: Receiver) -> dict[str, dict[str, Any]]:
    messages = [json.loads(body) for body in receiver.bodies]
    return {message["type"]: message["data"] for message in messages}


def test_a_correction_is_told_to_both_in_their_words(people: People, november: None, send: Any) -> None:
    """No amount to anybody; the customer learns what its bill holds, not of the correction, its reason or its refusal."""
    engagement = make_engagement(
        make_product(make_programme(), people.northbridge, bands=[(None, "123.37")]), people.acme, at=utc(2026, 9, 1)
    )
    entries = [make_entry(engagement, n, month=OCTOBER, at=utc(2026, 10, 9), rated=True) for n in ("3.5", "4", "5")]
    freeze_month(OCTOBER)
    with receiving() as ada, receiving() as dot, receiving() as cy:
        for person, receiver in (("ada", ada), ("dot", dot), ("cy", cy)):
            listen(people, person, receiver.url)
        asked = [ask_correction(entry, "2", by=people.viewer("ada"), reason="Hard client.") for entry in entries]
        with viewing(people.viewer("abe")) as abe:
            corrections.approve(one(Correction, asked[0].id), by=abe)
            corrections.reject(one(Correction, asked[1].id), reason="The log says 4.", by=abe)
        with viewing(people.viewer("ada")) as by:
            corrections.withdraw(one(Correction, asked[2].id), by=by)
        send()
        partner, customer = told(ada), told(dot)
        assert set(partner) == {
            "correction.requested", "correction.approved", "correction.rejected", "correction.withdrawn",
            "billing_entry.reversed", "billing_entry.rebilled",
        }  # fmt: skip
        assert set(customer) == {"correction.approved", "billing_entry.reversed", "billing_entry.rebilled"}
        approved = partner["correction.approved"]
        assert approved == {
            "engagement_id": str(engagement.id), "correction_id": str(asked[0].id), "status": "approved",
            "number": asked[0].number, "entry": entries[0].number, "was": "3.5", "quantity": "2", "unit": "h", "month": "2026-11",
        }  # fmt: skip
        assert partner["correction.rejected"]["reason"] == "The log says 4."
        assert customer["correction.approved"] == {
            name: said for name, said in approved.items() if name not in ("correction_id", "number")
        }  # fmt: skip
        assert customer["billing_entry.rebilled"]["corrects"] == entries[0].number
        assert customer["billing_entry.rebilled"]["billing_entry_id"] not in {str(entry.id) for entry in entries}
        seen = "".join(dot.bodies)
        assert not [
            word for word in ("COR-", "Hard client", "correction_id", "amount", "USD", "123.37") if word in seen
        ]
        assert "USD" not in "".join(ada.bodies) and cy.received == []


def test_who_belongs_is_told_to_the_organisation_itself(people: People, send: Any) -> None:
    with receiving() as ada, receiving() as dot, receiving() as cy:
        for person, receiver in (("ada", ada), ("dot", dot), ("cy", cy)):
            listen(people, person, receiver.url)
        with viewing(people.viewer("ada")) as by:
            invitation = invitations.invite("new@northbridge.example", [PRICING_VIEWER], by=by)
            actions.change_roles(people.memberships["ben"].id, [], by=by)
            actions.remove_from_organisation(people.memberships["ben"].id, by=by)
        token = invitations.link_token(invitation)
        invitations.accept_as_new(token, "New Person", "a long enough password", source="test")
        send()
        messages = told(ada)
        assert set(messages) == {
            "invitation.sent", "member.roles_changed", "member.left", "invitation.accepted", "member.joined",
        }  # fmt: skip
        sent = messages["invitation.sent"]
        assert sent["email"] == "new@northbridge.example" and sent["roles"] == PRICING_VIEWER
        assert sent["organisation_id"] == str(people.northbridge.id) and sent["invitation_id"] == str(invitation.id)
        assert messages["member.left"]["membership_id"] == str(people.memberships["ben"].id)
        assert token not in "".join(ada.bodies), "the link is in the mail only"
        assert dot.received == cy.received == []
        with viewing(people.viewer("dot")) as by:
            asked = invitations.invite("new@acme.example", [], by=by)
            invitations.withdraw(asked.id, by=by)
        send()
        assert set(told(dot)) == {"invitation.sent", "invitation.withdrawn"}
