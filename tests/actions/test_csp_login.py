"""Login with Microsoft against the stand-in: proven and stored, or discarded with the reason; tokens rotate, one worker at a time."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import select

from app.commands.stand_in import StandIn, World
from app.csp.accounts import actions, login, sealing, states, vault
from app.csp.accounts.model import CspAccount, CspSignIn
from app.csp.accounts.vault import Tokens
from app.csp.microsoft.client import Client
from app.csp.microsoft.records import ApplicationRefused, SignInNeeded
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from tests.makers.csp_accounts import register, stored_token
from tests.makers.microsoft import AS_ADMIN, AS_ANOTHER, CANCEL, WITHOUT_MFA, consent, microsoft
from tests.people import People, move_in


class NoPause:
    def wait(self) -> float:
        return 0.0

    def begin(self, seconds: float) -> None:
        raise AssertionError("nobody was to be throttled")


@pytest.fixture
def people() -> People:
    return move_in()


@pytest.fixture
def ada(people: People) -> Iterator[Viewer]:
    with viewing(people.viewer("ada")) as viewer:
        yield viewer


@pytest.fixture
def there() -> Iterator[StandIn]:
    with microsoft() as playing:
        yield playing


def log_in(account: CspAccount, by: Viewer, choice: tuple[str, str] = AS_ADMIN) -> CspAccount:
    back = consent(login.begin(account.id, by=by), choice)
    return finish(back, by)


def finish(back: dict[str, str], by: Viewer) -> CspAccount:
    return login.finish(
        back["state"], code=back.get("code", ""), error=back.get("error", ""), description=back.get("error_description", ""), by=by
    )  # fmt: skip


def fresh(account: CspAccount) -> CspAccount:
    db.session.expire_all()
    return one(CspAccount, account.id)


def kept_secret(account: CspAccount) -> str:
    kept = stored_token(account.id)
    assert kept is not None
    return sealing.unseal(kept.refresh_token, account_id=account.id)


def test_the_registered_tenant_is_connected(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id, mpn_id=there.world.mpn_id)
    done = log_in(account, ada)
    assert (done.state, done.signed_in_as, done.currency) == (states.CONNECTED, there.world.admin, there.world.currency)
    assert (done.company_name, done.is_vetted, done.trouble) == (there.world.company, True, None)
    kept = stored_token(account.id)
    assert kept is not None
    assert kept.refresh_token not in there.login.refresh_tokens
    assert sealing.unseal(kept.refresh_token, account_id=account.id) in there.login.refresh_tokens
    assert there.complaints == []
    assert list(history.verify("csp_account", account.id)) == []


def test_the_address_asks_for_what_the_contract_says(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    first, second = (urlsplit(login.begin(account.id, by=ada)) for _ in range(2))
    asked, other = ({name: value[0] for name, value in parse_qs(url.query).items()} for url in (first, second))
    assert first.path == f"/{there.world.tenant_id}/oauth2/v2.0/authorize"
    assert (asked["response_type"], asked["response_mode"], asked["code_challenge_method"]) == ("code", "query", "S256")
    assert asked["scope"] == "openid profile offline_access https://api.partnercenter.microsoft.com/user_impersonation"
    for secret in ("state", "nonce", "code_challenge"):
        assert len(asked[secret]) >= 43
        assert asked[secret] != other[secret]
    with acting_for_all("a test"):
        for row in db.session.scalars(select(CspSignIn)):
            assert asked["state"] not in (row.state_fingerprint, row.nonce, row.verifier)
            assert asked["nonce"] not in row.nonce


@pytest.mark.parametrize(
    ("choice", "words"),
    [(AS_ANOTHER, "another tenant"), (WITHOUT_MFA, "without multi-factor"), (CANCEL, "declined to consent")],
)
def test_what_is_not_proven_is_discarded_with_its_reason(
    ada: Viewer, there: StandIn, choice: tuple[str, str], words: str
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    with pytest.raises(login.Nothing) as nothing:
        log_in(account, ada, choice)
    assert words in nothing.value.cause
    assert stored_token(account.id) is None
    assert (fresh(account).state, fresh(account).trouble) == (states.DRAFT, nothing.value.cause)
    assert log_in(account, ada).state == states.CONNECTED


def test_the_one_who_signed_in_is_named(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    with pytest.raises(login.Nothing, match=r"someone@another-tenant\.example"):
        log_in(account, ada, AS_ANOTHER)


def test_the_registered_partner_id_must_be_the_tenants(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id, mpn_id="1234567")
    with pytest.raises(login.Nothing, match="1234567"):
        log_in(account, ada)
    assert stored_token(account.id) is None


def test_a_legal_business_that_is_not_vetted_is_a_warning(ada: Viewer) -> None:
    world = World()
    world.is_vetted = False
    with microsoft(world) as there:
        done = log_in(register(ada, tenant=there.world.tenant_id), ada)
    assert (done.state, done.is_vetted) == (states.CONNECTED, False)


def test_a_role_too_weak_is_told_as_such(ada: Viewer, there: StandIn) -> None:
    there.faults.add("refuse", "/profiles/organization", times=None, status=403)
    account = register(ada, tenant=there.world.tenant_id)
    with pytest.raises(login.Nothing, match="Admin Agent"):
        log_in(account, ada)


def test_a_state_is_good_once_for_its_member_and_for_half_an_hour(
    ada: Viewer, people: People, there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    back = consent(login.begin(account.id, by=ada))
    for other in ("abe", "cy"):
        with viewing(people.viewer(other)) as who, pytest.raises(login.Spent):
            finish(back, who)
    calls = len(there.calls)
    with pytest.raises(login.Spent):
        login.finish("x" * 43, code="y", by=ada)
    assert finish(back, ada).state == states.CONNECTED
    after = len(there.calls)
    with pytest.raises(login.Spent):
        finish(back, ada)
    assert len(there.calls) == after > calls
    late = consent(login.begin(account.id, by=ada))
    machine = clock.of_the_machine
    monkeypatch.setattr(clock, "of_the_machine", lambda: machine() + timedelta(minutes=31))
    with pytest.raises(login.Spent):
        finish(late, ada)


def test_sign_ins_that_are_over_are_forgotten_with_the_next(
    ada: Viewer, there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    for _ in range(3):
        login.begin(account.id, by=ada)
    machine = clock.of_the_machine
    monkeypatch.setattr(clock, "of_the_machine", lambda: machine() + timedelta(minutes=31))
    assert log_in(account, ada).state == states.CONNECTED
    with acting_for_all("a test"):
        assert len(db.session.scalars(select(CspSignIn)).all()) == 1


def test_two_callbacks_of_one_sign_in_connect_once(ada: Viewer, there: StandIn, app: Any) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    back = consent(login.begin(account.id, by=ada))
    db.session.remove()
    outcomes: list[str] = []

    def come_back() -> None:
        with app.app_context(), viewing(ada):
            try:
                outcomes.append(finish(back, ada).state)
            except login.Spent:
                outcomes.append("spent")

    threads = [threading.Thread(target=come_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["connected", "spent", "spent", "spent"]


def test_a_failed_consent_again_keeps_the_old_tokens(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    before = kept_secret(account)
    with pytest.raises(login.Nothing):
        log_in(account, ada, AS_ANOTHER)
    assert kept_secret(account) == before
    assert fresh(account).state == states.CONNECTED
    assert Tokens(account.id).get("graph")


def test_who_may_begin_and_where(ada: Viewer, people: People, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    with viewing(people.viewer("ben")) as ben, pytest.raises(MissingRole):
        login.begin(account.id, by=ben)
    actions.disconnect(account.id, by=ada)
    with pytest.raises(AlreadyDone):
        login.begin(account.id, by=ada)


# Tokens


def test_tokens_of_both_audiences_come_from_one_consent_and_rotate(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    before = kept_secret(account)
    tokens = Tokens(account.id)
    assert tokens.get("api") != tokens.get("graph")
    assert there.login.refreshes == 1  # the api token came with the consent
    assert tokens.get("graph") == Tokens(account.id).get("graph")
    assert there.login.refreshes == 1
    assert before not in there.login.refresh_tokens
    assert kept_secret(account) in there.login.refresh_tokens


def test_no_new_refresh_token_keeps_the_one_there_is(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    there.habits.rotates = False
    before = kept_secret(account)
    Tokens(account.id).get("graph")
    assert kept_secret(account) == before


def test_many_workers_that_are_refused_refresh_once(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    there.habits.slow_ms = 50
    workers = [Tokens(account.id) for _ in range(6)]
    refused = workers[0].get("api")
    got: list[str] = []
    threads = [threading.Thread(target=lambda one=one: got.append(one.renew("api", refused))) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert len(set(got)) == 1
    assert got[0] != refused
    assert there.login.refreshes == 1


def test_a_worker_that_died_with_the_right_holds_nobody_up_for_long(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    with transaction():
        kept = stored_token(account.id)
        assert kept is not None
        kept.refreshing_by, kept.refreshing_until = "dead", clock.of_the_machine() - timedelta(seconds=1)
    assert Tokens(account.id).get("graph")


def test_a_refresh_that_takes_long_keeps_its_right_and_is_not_joined_by_another(
    ada: Viewer, there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its right has all but lapsed when the first try comes to nothing; what it asks with must not be asked with by a second."""
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    monkeypatch.setattr(vault, "REFRESH_LASTS", timedelta(seconds=1))
    there.faults.add("error", "oauth2/v2.0/token", times=1, status=503, seconds=2)
    first, second = Tokens(account.id), Tokens(account.id)
    refused, got = first.get("api"), list[str]()
    threads = [
        threading.Thread(target=lambda one=one: got.append(one.renew("api", refused))) for one in (first, second)
    ]
    threads[0].start()
    time.sleep(1.3)  # longer than a right lasts that is not kept up
    threads[1].start()
    for thread in threads:
        thread.join()
    assert len(got) == 2
    assert len(set(got)) == 1
    assert there.login.refreshes == 1


def test_what_came_while_the_right_was_taken_is_used(
    ada: Viewer, there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    slow, usable = Tokens(account.id), Tokens._usable
    refused = slow.get("api")

    def looked_before(*_asked: Any) -> None:
        monkeypatch.setattr(Tokens, "_usable", usable)
        assert Tokens(account.id).renew("api", refused) != refused

    monkeypatch.setattr(Tokens, "_usable", looked_before)
    assert slow.renew("api", refused) == Tokens(account.id).get("api")
    assert there.login.refreshes == 1


def test_tokens_that_live_for_a_minute_are_used_for_most_of_it(
    ada: Viewer, there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    monkeypatch.setattr("app.commands.stand_in.login.TOKEN_SECONDS", 60)
    log_in(account, ada)
    tokens = Tokens(account.id)
    assert tokens.get("api") == tokens.get("api") == Tokens(account.id).get("api")
    assert there.login.refreshes == 0


def test_without_its_key_no_consent_is_lost(ada: Viewer, there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    with monkeypatch.context() as another:
        another.setattr(sealing, "_keys", MultiFernet([Fernet(Fernet.generate_key())]))
        with pytest.raises(ApplicationRefused, match="TOKEN_ENCRYPTION_KEYS"):
            Tokens(account.id).get("graph")
    assert Tokens(account.id).get("graph")


def test_a_revoked_grant_asks_for_a_new_sign_in_and_an_application_refused_does_not(
    ada: Viewer, there: StandIn
) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    log_in(account, ada)
    there.world.registration.client_secret = "another now"
    with pytest.raises(ApplicationRefused):
        Tokens(account.id).get("graph")
    assert stored_token(account.id) is not None
    there.world.registration.client_secret = login.application.present().client_secret
    there.login.revoke_everything()
    with pytest.raises(SignInNeeded, match="revoked") as needed:
        Tokens(account.id).get("graph")
    actions.lose_consent(account.id, needed.value.cause, by=ada)
    assert fresh(account).state == states.RECONSENT_NEEDED
    with pytest.raises(SignInNeeded):
        Tokens(account.id).get("api")
    assert log_in(account, ada).state == states.CONNECTED


def test_a_token_that_ends_in_mid_reading_is_renewed(ada: Viewer, there: StandIn) -> None:
    account = register(ada, tenant=there.world.tenant_id)
    there.habits.token_calls = 3
    log_in(account, ada)
    tokens = Tokens(account.id)
    client = Client(login.application.present().bases, tokens, NoPause())
    for _ in range(10):
        assert client.organisation()
    client.close()
    assert there.login.refreshes >= 2
    assert there.complaints == []
