"""The stand-in's sign-in host: a page to choose who signs in and whether with MFA, codes that work once, and rotating refresh tokens."""

import base64
import hashlib
import html
import secrets
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from app.commands.stand_in.exchange import Answer, Request, encode, json_answer
from app.commands.stand_in.faults import Habits
from app.commands.stand_in.id_tokens import Signer
from app.commands.stand_in.world import World

SCOPES = {
    "https://api.partnercenter.microsoft.com/user_impersonation": "api",
    "https://graph.microsoft.com/PartnerBilling.Read.All": "graph",
}
_OPEN_ID = {"openid", "profile", "email", "offline_access"}
CODE_SECONDS, TOKEN_SECONDS = 600, 3600


@dataclass
class Consent:
    """Who signed in, and how."""

    tenant_id: str
    user: str
    has_mfa: bool
    scope: str
    nonce: str = ""
    redirect_uri: str = ""
    challenge: str = ""
    until: float = 0.0


@dataclass
class AccessToken:
    consent: Consent
    audience: str
    until: float
    calls_left: int | None


class Login:
    def __init__(self, world: World, habits: Habits) -> None:
        self.world, self.habits = world, habits
        self.signer = Signer()
        self.codes: dict[str, Consent] = {}
        self.refresh_tokens: dict[str, Consent] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        #: how many tokens were asked for
        self.refreshes = 0
        #: called when refresh tokens came or went, for whoever keeps them
        self.changed: Callable[[], None] = lambda: None

    def answer(self, request: Request) -> Answer:
        _, tenant, *rest = request.path.split("/")
        place = "/".join(rest)
        if place == "v2.0/.well-known/openid-configuration":
            return self._configuration(request, tenant)
        if place == "discovery/v2.0/keys":
            return json_answer({"keys": [self.signer.key()]})
        known = {self.world.tenant_id, "organizations", "common"}
        if tenant.lower() not in known or place not in (
            "oauth2/v2.0/authorize",
            "oauth2/v2.0/consent",
            "oauth2/v2.0/token",
        ):
            return _page(400, "Sign in to your account", "<p>AADSTS90002: Tenant not found.</p>")
        if place.endswith("token"):
            return self._token(request) if request.method == "POST" else Answer(405)
        wrong = self._wrong(request.asked)
        if wrong:
            return _page(400, "Sign in to your account", f"<p>{html.escape(wrong)}</p>")
        return self._consented(request) if place.endswith("consent") else self._choices(request, tenant)

    def give(self, consent: Consent) -> str:
        """A refresh token, as if this consent had been lived through."""
        token = f"0.AR8A~{secrets.token_urlsafe(40)}"
        self.refresh_tokens[token] = consent
        self.changed()
        return token

    def revoke_everything(self) -> None:
        """As a password reset does."""
        self.refresh_tokens.clear()
        self.access_tokens.clear()
        self.changed()

    def _wrong(self, query: dict[str, str]) -> str:
        """What never comes back to the callback, and what a strict host refuses."""
        registration = self.world.registration
        if query.get("client_id") != registration.client_id:
            return "AADSTS700016: Application not found in the directory."
        if query.get("redirect_uri") not in registration.redirect_uris:
            return "AADSTS50011: The redirect URI does not match the ones configured for the application."
        if query.get("response_type") != "code" or query.get("response_mode", "query") != "query":
            return "AADSTS700054: response_type must be code, response_mode query."
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return "AADSTS9002325: Proof Key for Code Exchange is required."
        if not query.get("state"):
            return "AADSTS9002326: state is required."
        asked = set(query.get("scope", "").split())
        if "openid" not in asked or not asked - _OPEN_ID or asked - _OPEN_ID - set(SCOPES):
            return f"AADSTS70011: The scope {' '.join(sorted(asked))} is not valid."
        return ""

    def _choices(self, request: Request, tenant: str) -> Answer:
        carried = urlsplit(request.target).query
        here = f"/{tenant}/oauth2/v2.0/consent?{carried}"
        admin, foreign = html.escape(self.world.admin), "someone@another-tenant.example"
        rows = [
            ("yes", "partner", f"Accept as {admin} with MFA"),
            ("no", "partner", f"Accept as {admin} without MFA"),
            ("yes", "foreign", f"Accept as {foreign} (another tenant)"),
            ("", "cancel", "Cancel"),
        ]
        choices = "".join(
            f'<li><a href="{html.escape(f"{here}&stand_in_mfa={mfa}&stand_in_who={who}")}">{words}</a></li>'
            for mfa, who, words in rows
        )
        scope = "".join(f"<li>{html.escape(one)}</li>" for one in request.asked["scope"].split())
        return _page(
            200,
            "Permissions requested",
            "<p>This is the portal's stand-in for Microsoft's sign-in. No Microsoft account is involved.</p>"
            f"<h2>Partner Portal asks for</h2><ul>{scope}</ul><h2>Who signs in?</h2><ul>{choices}</ul>",
        )

    def _consented(self, request: Request) -> Answer:
        query = request.asked
        back = {"state": query["state"]}
        if query.get("stand_in_who") == "cancel":
            back |= {
                "error": "access_denied",
                "error_description": "AADSTS65004: User declined to consent to access the app.",
            }
        else:
            is_foreign = query.get("stand_in_who") == "foreign"
            code = f"0.AX{secrets.token_urlsafe(48)}"
            self.codes[code] = Consent(
                tenant_id=self.world.foreign_tenant if is_foreign else self.world.tenant_id,
                user="someone@another-tenant.example" if is_foreign else self.world.admin,
                has_mfa=query.get("stand_in_mfa") == "yes",
                scope=query["scope"],
                nonce=query.get("nonce", ""),
                redirect_uri=query["redirect_uri"],
                challenge=query["code_challenge"],
                until=time.time() + CODE_SECONDS,
            )
            back["code"] = code
        return Answer(302, headers={"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _token(self, request: Request) -> Answer:
        form = request.form()
        if request.headers.get_content_type() != "application/x-www-form-urlencoded":
            return _no("invalid_request", "AADSTS900144: The request body must be a form.", 900144)
        refused = self._client_refused(request, form)
        if refused:
            return refused
        if form.get("grant_type") == "authorization_code":
            return self._redeemed(form)
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form)
        return _no("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.", 70003)

    def _client_refused(self, request: Request, form: dict[str, str]) -> Answer | None:
        registration = self.world.registration
        who, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = request.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            who, _, secret = (unquote(part) for part in b64decode(basic[6:]).decode().partition(":"))
        if who != registration.client_id:
            return _no("unauthorized_client", "AADSTS700016: Application not found in the directory.", 700016)
        if secret != registration.client_secret:
            return _no("invalid_client", "AADSTS7000215: Invalid client secret provided.", 7000215, 401)
        return None

    def _redeemed(self, form: dict[str, str]) -> Answer:
        consent = self.codes.pop(form.get("code", ""), None)
        if consent is None or consent.until < time.time():
            return _no("invalid_grant", "AADSTS54005: OAuth2 Authorization code was already redeemed.", 54005)
        if form.get("redirect_uri") != consent.redirect_uri:
            return _no("invalid_grant", "AADSTS500112: The reply address does not match.", 500112)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not 43 <= len(verifier) <= 128 or challenge != consent.challenge:
            return _no("invalid_grant", "AADSTS501481: The Code_Verifier does not match the code_challenge.", 501481)
        return self._granted(consent, form.get("scope") or consent.scope, with_id="openid" in consent.scope.split())

    def _refreshed(self, form: dict[str, str]) -> Answer:
        self.refreshes += 1
        token = form.get("refresh_token", "")
        consent = self.refresh_tokens.get(token)
        if consent is None:
            return _no(
                "invalid_grant",
                "AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed.",
                50173,
            )
        if self.habits.rotates:
            del self.refresh_tokens[token]
        return self._granted(consent, form.get("scope") or consent.scope, with_id=False, same=token)

    def _granted(self, consent: Consent, scope: str, *, with_id: bool, same: str = "") -> Answer:
        resources = [SCOPES.get(one) for one in scope.split() if one not in _OPEN_ID]
        if len(resources) != 1 or resources[0] is None:
            return _no(
                "invalid_request", "AADSTS28000: Provided value for the input parameter scope is not valid.", 28000
            )
        access = f"eyJ0eXAi.{secrets.token_urlsafe(60)}"
        self.access_tokens[access] = AccessToken(
            consent, resources[0], time.time() + TOKEN_SECONDS, self.habits.token_calls
        )
        sent = {"token_type": "Bearer", "scope": scope, "expires_in": TOKEN_SECONDS, "access_token": access}
        if with_id:
            sent["id_token"] = self._id_token(consent)
        if "offline_access" in scope.split() and (self.habits.rotates or not same):
            sent["refresh_token"] = self.give(consent)
        return Answer(200, encode(sent), {"Cache-Control": "no-store"}, "application/json; charset=utf-8")

    def _id_token(self, consent: Consent) -> str:
        now = int(time.time())
        return self.signer.signed(
            {
                "aud": self.world.registration.client_id,
                "iss": f"https://login.microsoftonline.com/{consent.tenant_id}/v2.0",
                "iat": now,
                "nbf": now,
                "exp": now + TOKEN_SECONDS,
                "name": "Katrin Vogel",
                "nonce": consent.nonce,
                "oid": "0f0e0d0c-1111-4222-8333-444455556666",
                "preferred_username": consent.user,
                "sub": "a1B2c3D4",
                "tid": consent.tenant_id,
                "ver": "2.0",
            }
        )

    def _configuration(self, request: Request, tenant: str) -> Answer:
        here = f"http://{request.headers.get('Host')}/{tenant}"
        return json_answer(
            {
                "issuer": f"https://login.microsoftonline.com/{tenant}/v2.0",
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "token_endpoint": f"{here}/oauth2/v2.0/token",
                "jwks_uri": f"{here}/discovery/v2.0/keys",
            }
        )


def _no(error: str, description: str, number: int, status: int = 400) -> Answer:
    return json_answer(
        {
            "error": error,
            "error_description": description,
            "error_codes": [number],
            "timestamp": "2026-11-26 04:00:00Z",
            "trace_id": "3e0a7f0e-0000-4000-8000-000000000001",
            "correlation_id": "3e0a7f0e-0000-4000-8000-000000000002",
        },
        status,
    )


def _page(status: int, title: str, body: str) -> Answer:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    return Answer(status, page.encode(), content_type="text/html; charset=utf-8")


def walk(address: str, who: str = "partner", mfa: str = "yes") -> str:
    """Where the consent page's link for this choice leads: what a browser does there, for those who have none."""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query), ("stand_in_mfa", mfa), ("stand_in_who", who)])
    return parts._replace(path=parts.path.replace("/authorize", "/consent"), query=query).geturl()
