"""Accounts: registered by a Cloud Admin, each tenant once a partner, sealed tokens, one refresh at a time, pauses for all."""

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select

from app.csp.accounts import actions, sealing, states
from app.csp.accounts.model import CspAccount, CspToken
from app.csp.accounts.pausing import Pause
from app.csp.discovery.actions import trigger
from app.csp.microsoft.records import Paused
from app.foundation import clock, history
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from tests.makers.csp_accounts import TENANT, connected, register, stored_token
from tests.people import People, move_in


@pytest.fixture
def people() -> People:
    return move_in()


def events_of(account: CspAccount) -> list[str]:
    with acting_for_all("a test"):
        found = select(History.event).where(History.subject_id == account.id).order_by(History.sequence)
        return list(db.session.scalars(found))


def test_a_cloud_admin_registers_a_tenant(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = register(
            ada, tenant=TENANT.upper(), percentages={"managed_mark_up": Decimal(18), "tax_rate": Decimal("0.00")}
        )
        assert (account.state, account.tenant_id) == (states.DRAFT, TENANT)
        assert (account.managed_mark_up, account.tax_rate, account.not_managed_mark_up) == (18, 0, None)
        assert list(history.verify("csp_account", account.id)) == []
    assert events_of(account) == ["csp_account_registered"]


def test_who_is_no_cloud_admin_does_not(people: People) -> None:
    with viewing(people.viewer("ben")), pytest.raises(MissingRole):
        register(people.viewer("ben"))


def test_a_tenant_stands_once_with_one_partner_and_with_another_as_well(people: People) -> None:
    ada, cy = people.viewer("ada"), people.viewer("cy")
    with viewing(ada):
        first = register(ada)
        with pytest.raises(Refused) as no:
            register(ada, name="Again")
        assert no.value.field == "account_id"
    with viewing(cy):
        register(cy)  # it learns nothing of the other, and proves the tenant by signing in
    with viewing(ada):
        actions.disconnect(first.id, by=ada)
        assert register(ada, name="Again").state == states.DRAFT


def test_another_partner_sees_nothing_of_it(people: People) -> None:
    ada, cy, olga, dot = (people.viewer(name) for name in ("ada", "cy", "olga", "dot"))
    with viewing(ada):
        account = connected(ada)
    for other in (cy, olga, dot):
        with viewing(other):
            with pytest.raises(NotVisible):
                one(CspAccount, account.id)
            assert db.session.scalars(select(CspToken)).all() == []
    with viewing(cy), pytest.raises(NotVisible):
        actions.disconnect(account.id, by=cy)


def test_edits_are_told_old_and_new_and_only_where_something_changed(people: People) -> None:
    ada = people.viewer("ada")
    told: list[Any] = []
    with viewing(ada):
        account = register(ada)
        same: dict[str, Any] = {"name": account.name, "model": account.model, "mpn_id": None, "percentages": {}}
        actions.edit(account.id, **same, by=ada)
        assert events_of(account) == ["csp_account_registered"]
        actions.when_terms_change(told.append)
        try:
            actions.edit(account.id, **(same | {"name": "Renamed"}), by=ada)
            assert told == []
            actions.edit(account.id, **(same | {"percentages": {"managed_mark_up": Decimal("12.50")}}), by=ada)
            assert told == [account.id]
        finally:
            actions._terms_changed.remove(told.append)
        with pytest.raises(Refused):
            actions.edit(account.id, **(same | {"name": "  "}), by=ada)
    with acting_for_all("a test"):
        facts = db.session.scalars(select(History.facts).where(History.event == "csp_account_edited")).all()
    assert any("managed_mark_up: – → 12.5" in text for text in facts)


def test_disconnecting_destroys_the_tokens_and_keeps_the_account(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = connected(ada)
        assert stored_token(account.id) is not None
        actions.disconnect(account.id, by=ada)
        assert stored_token(account.id) is None
        assert one(CspAccount, account.id).state == states.DISCONNECTED
        with pytest.raises(AlreadyDone):
            actions.disconnect(account.id, by=ada)
        with pytest.raises(AlreadyDone):
            actions.edit(account.id, name="x", model="direct", mpn_id=None, percentages={}, by=ada)


def test_a_lost_consent_is_told_once_and_enabling_does_not_hide_it(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = connected(ada)
        for _ in range(2):
            actions.lose_consent(account.id, "The grant was revoked.", by=ada)
        standing = one(CspAccount, account.id)
        assert (standing.state, standing.trouble) == (states.RECONSENT_NEEDED, "The grant was revoked.")
        actions.disable(account.id, by=ada)
        actions.enable(account.id, by=ada)
        db.session.expire_all()
        assert one(CspAccount, account.id).state == states.RECONSENT_NEEDED
    with acting_for_all("a test"):
        told = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "csp_consent_lost")).all()
    assert sorted(row.facts["cause"] for row in told) == sorted(["The grant was revoked.", actions.GONE])


def test_an_account_that_is_disabled_does_not_discover_until_it_is_enabled(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = connected(ada)
        actions.disable(account.id, by=ada)
        with pytest.raises(Refused):
            trigger(account.id, by=ada)
        actions.enable(account.id, by=ada)
        assert trigger(account.id, by=ada).state == "queued"


# Sealed at rest


def test_what_is_stored_opens_for_its_account_alone_and_under_its_keys(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        mine = connected(ada, refresh_token="the very token")
        other = register(ada, tenant=TENANT.replace("a", "b"))
        kept = stored_token(mine.id)
        assert kept is not None
        assert "the very token" not in kept.refresh_token
        assert sealing.unseal(kept.refresh_token, account_id=mine.id) == "the very token"
        with pytest.raises(sealing.Unreadable):
            sealing.unseal(kept.refresh_token, account_id=other.id)


def test_keys_rotate(app: Flask, people: People) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    ada = people.viewer("ada")
    before = sealing._keys
    try:
        sealing.follow([old])
        with viewing(ada):
            account = connected(ada, refresh_token="the very token")
        sealing.follow([new, old])
        done = app.test_cli_runner().invoke(args=["csp", "seal-again"])
        assert (done.exit_code, done.output) == (0, "1 sealed under the first key.\n")
        sealing.follow([new])
        kept = stored_token(account.id)
        assert kept is not None
        assert sealing.unseal(kept.refresh_token, account_id=account.id) == "the very token"
        sealing.follow([old])
        lost = app.test_cli_runner().invoke(args=["csp", "seal-again"])
        assert lost.exit_code == 1
        assert "cannot be opened" in lost.output
        made = app.test_cli_runner().invoke(args=["csp", "new-key"]).output.strip()
        sealing.follow([made])
    finally:
        sealing._keys = before


# Throttling


def test_a_pause_holds_every_worker_of_the_account(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = connected(ada)
    here, elsewhere = Pause(account.id, willing_seconds=5), Pause(account.id, willing_seconds=0.1)
    assert here.wait() == elsewhere.wait() == 0
    here.begin(0.6)
    elsewhere._looked = -1000  # as after LOOK_EVERY_SECONDS
    with pytest.raises(Paused) as paused:
        elsewhere.wait()
    assert 0 < paused.value.seconds <= 0.6
    begun = time.monotonic()
    assert here.wait() > 0
    assert time.monotonic() - begun >= 0.5
    assert here.wait() == 0


def test_a_shorter_pause_does_not_end_a_longer_one(people: People) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        account = connected(ada)
    pause = Pause(account.id, willing_seconds=0)
    pause.begin(30)
    pause.begin(1)
    with viewing(ada):
        db.session.expire_all()
        until = one(CspAccount, account.id).paused_until
    assert until is not None
    assert until > clock.of_the_machine() + timedelta(seconds=20)
    with pytest.raises(Paused):
        pause.wait()
