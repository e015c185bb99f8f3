"""Login with Microsoft: the whole walk against the strict login host, and every way in which it goes wrong."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from app.commands.stand_in import StandIn
from app.commands.stand_in.login import walk
from app.csp.microsoft import sign_in
from app.csp.microsoft.bases import Bases
from app.csp.microsoft.records import ApplicationRefused, SignInNeeded, Unreachable
from app.foundation import clock
from tests.sources.stage import InMemory, client_of

STATE, NONCE = "a-state", "a-nonce"


def bases(stand_in: StandIn) -> Bases:
    return Bases(f"{stand_in.url}/", stand_in.url, stand_in.url)


def address(stand_in: StandIn, verifier: str, **rest: Any) -> str:
    registration = stand_in.world.registration
    return sign_in.authorize_url(
        bases(stand_in), stand_in.world.tenant_id, client_id=registration.client_id, state=STATE,
        redirect_uri=registration.redirect_uris[0], verifier=verifier, nonce=NONCE, **rest,
    )  # fmt: skip


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


def callback(stand_in: StandIn, verifier: str, **choice: str) -> dict[str, str]:
    """What comes back to the callback when somebody chose on the sign-in page."""
    opener = urllib.request.build_opener(Stay)
    with opener.open(address(stand_in, verifier)) as page:
        assert "Who signs in?" in page.read().decode()
    with pytest.raises(urllib.error.HTTPError) as found:
        opener.open(walk(address(stand_in, verifier), **choice))
    with found.value:
        assert found.value.code == 302
        where = urllib.parse.urlsplit(found.value.headers["Location"])
    assert where._replace(query="").geturl() == stand_in.world.registration.redirect_uris[0]
    return dict(urllib.parse.parse_qsl(where.query))


def redeemed(stand_in: StandIn, code: str, verifier: str, **other: str) -> sign_in.Grant:
    registration = stand_in.world.registration
    said = {
        "client_id": registration.client_id,
        "client_secret": registration.client_secret,
        "redirect_uri": registration.redirect_uris[0],
        **other,
    }
    return sign_in.redeem(bases(stand_in), stand_in.world.tenant_id, code=code, verifier=verifier, sleep=ignore, **said)


def refreshed(stand_in: StandIn, token: str, secret: str | None = None, audience: str = "api") -> sign_in.Grant:
    registration = stand_in.world.registration
    return sign_in.refresh(
        bases(stand_in), stand_in.world.tenant_id, client_id=registration.client_id, refresh_token=token,
        client_secret=secret or registration.client_secret, audience=audience, sleep=ignore,
    )  # fmt: skip


def ignore(seconds: float) -> None:
    """No waiting in tests."""


def claims(stand_in: StandIn, id_token: str | None, **other: str) -> sign_in.Claims:
    said = {"client_id": stand_in.world.registration.client_id, "tenant_id": stand_in.world.tenant_id, "nonce": NONCE}
    return sign_in.check_id_token(id_token, **{**said, **other})


def test_the_whole_walk(stand_in: StandIn) -> None:
    verifier = sign_in.new_verifier()
    back = callback(stand_in, verifier)
    assert sign_in.same(back["state"], STATE)
    grant = redeemed(stand_in, back["code"], verifier)
    assert grant.refresh_token and grant.expires_in == 3600
    who = claims(stand_in, grant.id_token, tenant_id=stand_in.world.tenant_id.upper())
    assert (who.tenant_id, who.user, who.name) == (stand_in.world.tenant_id, stand_in.world.admin, "Katrin Vogel")
    memory = InMemory(stand_in)
    memory.access["api"] = grant.access_token
    client = client_of(memory)
    assert client.organisation().get("tenantId") == client.organisation().get("ID") == stand_in.world.tenant_id
    assert client.mpn(stand_in.world.mpn_id).get("mpnId") == stand_in.world.mpn_id
    assert client.legal_business().get("vettingStatus") == "authorized"
    assert client.billing_profile().get("billingCurrency") == "EUR"
    memory.close()
    with pytest.raises(SignInNeeded) as no:
        redeemed(stand_in, back["code"], verifier)
    assert no.value.code == "invalid_grant"


def test_the_authorize_address_says_what_the_contract_wants(stand_in: StandIn) -> None:
    verifier = sign_in.new_verifier()
    assert 43 <= len(verifier) <= 128 and set(verifier) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )
    parts = urllib.parse.urlsplit(address(stand_in, verifier, prompt=None, login_hint="admin@x.example"))
    asked = dict(urllib.parse.parse_qsl(parts.query))
    assert parts.path == f"/{stand_in.world.tenant_id}/oauth2/v2.0/authorize"
    assert asked["scope"] == (
        "openid profile offline_access https://api.partnercenter.microsoft.com/user_impersonation"
    )
    assert (asked["response_type"], asked["response_mode"]) == ("code", "query")
    assert asked["code_challenge"] == sign_in.challenge_of(verifier) and asked["code_challenge_method"] == "S256"
    assert (asked["state"], asked["nonce"], asked["login_hint"]) == (STATE, NONCE, "admin@x.example")
    assert "prompt" not in asked and verifier not in parts.query
    # the example of RFC 7636
    assert (
        sign_in.challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.parametrize(
    "other", [{"verifier": "x" * 43}, {"redirect_uri": "http://127.0.0.1:8000/elsewhere"}, {"code": "0.AXinvented"}]
)
def test_a_code_is_bound_to_who_asked_for_it(stand_in: StandIn, other: dict[str, str]) -> None:
    verifier = sign_in.new_verifier()
    said = {"code": callback(stand_in, verifier)["code"], "verifier": verifier, **other}
    with pytest.raises(SignInNeeded) as no:
        redeemed(stand_in, **said)
    assert no.value.code == "invalid_grant"


def test_whoever_cancels_or_comes_without_mfa_or_from_elsewhere(stand_in: StandIn) -> None:
    verifier = sign_in.new_verifier()
    assert callback(stand_in, verifier, who="cancel")["error"] == "access_denied"
    foreign = redeemed(stand_in, callback(stand_in, verifier, who="foreign")["code"], verifier)
    with pytest.raises(sign_in.WrongSignIn) as wrong:
        claims(stand_in, foreign.id_token)
    assert wrong.value.cause == "tenant" and "another-tenant.example" in wrong.value.found
    memory = InMemory(stand_in)
    memory.access["api"] = redeemed(stand_in, callback(stand_in, verifier, mfa="no")["code"], verifier).access_token
    with pytest.raises(SignInNeeded) as needed:
        client_of(memory).organisation()
    assert needed.value.code == "900421"
    memory.close()


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"aud": "somebody else"}, "audience"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"exp": "later"}, "expired"),
        ({"exp": None}, "expired"),
        ({"tid": "7c1f4b1e-1f0a-4f0e-8a2b-0d4d7b9d9a11"}, "tenant"),
        ({"tid": None}, "tenant"),
    ],
)
def test_what_the_id_token_must_say(stand_in: StandIn, changed: dict[str, Any], cause: str) -> None:
    with pytest.raises(sign_in.WrongSignIn) as wrong:
        claims(stand_in, token_of(stand_in, **changed))
    assert wrong.value.cause == cause
    assert claims(stand_in, token_of(stand_in, aud=[stand_in.world.registration.client_id]))


@pytest.mark.parametrize("token", [None, "", "a.b", "a.b.c", "a.W10.c", "a." + "A" * 5 + ".c"])
def test_what_is_no_id_token(stand_in: StandIn, token: str | None) -> None:
    with pytest.raises(sign_in.WrongSignIn) as wrong:
        claims(stand_in, token)
    assert wrong.value.cause == "unreadable"


def token_of(stand_in: StandIn, **changed: Any) -> str:
    said = {
        "aud": stand_in.world.registration.client_id,
        "nonce": NONCE,
        "exp": int(clock.of_the_machine().timestamp()) + 600,
        "tid": stand_in.world.tenant_id.upper(),
        **changed,
    }
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2ln"


def test_a_refresh_token_is_replaced_and_dies_by_use(stand_in: StandIn) -> None:
    first = stand_in.refresh_token()
    api = refreshed(stand_in, first)
    assert api.refresh_token and api.refresh_token != first and api.id_token is None
    with pytest.raises(SignInNeeded) as dead:
        refreshed(stand_in, first)
    assert dead.value.code == "invalid_grant" and "AADSTS50173" in dead.value.cause
    graph = refreshed(stand_in, api.refresh_token, audience="graph")
    assert graph.refresh_token and "PartnerBilling.Read.All" in graph.scope
    stand_in.habits.rotates = False
    assert refreshed(stand_in, graph.refresh_token).refresh_token is None
    stand_in.login.revoke_everything()
    with pytest.raises(SignInNeeded):
        refreshed(stand_in, graph.refresh_token)


def test_a_wrong_secret_is_the_portals_own_trouble(stand_in: StandIn) -> None:
    token = stand_in.refresh_token()
    with pytest.raises(ApplicationRefused) as no:
        refreshed(stand_in, token, secret="wrong")
    assert no.value.code == "invalid_client" and "AADSTS7000215" in no.value.cause
    assert refreshed(stand_in, token).access_token


def test_the_token_endpoint_is_asked_again_while_it_is_down(stand_in: StandIn) -> None:
    stand_in.faults.add("error", "/token", times=2, status=503)
    stand_in.faults.add("html", "/token", status=502)
    stand_in.faults.add("reset", "/token")
    assert refreshed(stand_in, stand_in.refresh_token()).access_token
    stand_in.faults.add("error", "/token", times=None, status=500)
    with pytest.raises(Unreachable):
        refreshed(stand_in, stand_in.refresh_token())


@pytest.mark.parametrize("lost", ["code_challenge", "state", "client_id", "redirect_uri", "scope"])
def test_the_sign_in_page_takes_no_request_without(stand_in: StandIn, lost: str) -> None:
    parts = urllib.parse.urlsplit(address(stand_in, sign_in.new_verifier()))
    kept = [(name, value) for name, value in urllib.parse.parse_qsl(parts.query) if name != lost]
    with pytest.raises(urllib.error.HTTPError) as no:
        urllib.request.urlopen(parts._replace(query=urllib.parse.urlencode(kept)).geturl())
    with no.value:
        assert no.value.code == 400
