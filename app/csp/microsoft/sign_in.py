"""Login with Microsoft as plain HTTP: the address to send a browser to, a code or a refresh token turned into tokens, and the proof
of who signed in. Keeps nothing: tokens, verifiers and nonces belong to whoever calls.

The authorization code is bound to PKCE's verifier. The id_token comes straight from the token endpoint over the connection that we
opened, so what it claims is checked and its signature is not needed.
"""

import base64
import hashlib
import hmac
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from app.csp.microsoft.answers import Complaint, retry_after
from app.csp.microsoft.bases import SCOPES, Bases
from app.csp.microsoft.connections import Answer, Broken, Connections
from app.csp.microsoft.decoding import Fields, Garbled, object_of
from app.csp.microsoft.records import ApplicationRefused, SignInNeeded, Unreachable
from app.csp.microsoft.spelling import id_of, text_of
from app.foundation import clock

ATTEMPTS = 5
READ_SECONDS = 30
#: whoever is asked to wait longer comes back another time
LONGEST_WAIT = 60.0
#: how far Microsoft's clock may be behind or ahead of ours
CLOCK_SKEW = 120
_APPLICATION_ERRORS = frozenset({"invalid_client", "unauthorized_client"})


class Grant(NamedTuple):
    """What the token endpoint gave. Everything in it but the scope is secret."""

    access_token: str
    expires_in: int
    #: None: keep the one there is
    refresh_token: str | None
    id_token: str | None
    scope: str


class Claims(NamedTuple):
    """What the id_token says and was checked for."""

    tenant_id: str
    #: the user's sign-in name, for people
    user: str
    name: str


class WrongSignIn(Exception):
    """Somebody signed in, but not as it has to be. `cause` is one of: tenant, audience, nonce, expired, unreadable."""

    def __init__(self, cause: str, found: str = "") -> None:
        super().__init__(f"{cause}: {found}" if found else cause)
        self.cause, self.found = cause, found


def new_verifier() -> str:
    """PKCE's secret: 86 letters of those that are allowed."""
    return secrets.token_urlsafe(64)


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def same(sent: str, kept: str) -> bool:
    """Compared without telling by its time how much of it was right."""
    return hmac.compare_digest(sent.encode("utf-8", "replace"), kept.encode("utf-8", "replace"))


def authorize_url(
    bases: Bases,
    tenant_id: str,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    verifier: str,
    nonce: str,
    prompt: str | None = "select_account",
    login_hint: str | None = None,
) -> str:
    """Where to send the browser of whoever consents."""
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "response_mode": "query",
        "scope": f"openid profile offline_access {SCOPES['api']}",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    asked |= {name: value for name, value in (("prompt", prompt), ("login_hint", login_hint)) if value}
    return f"{bases.login}/{quote(tenant_id, safe='')}/oauth2/v2.0/authorize?{urlencode(asked)}"


def redeem(
    bases: Bases,
    tenant_id: str,
    *,
    client_id: str,
    client_secret: str,
    code: str,
    redirect_uri: str,
    verifier: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Grant:
    """Tokens for the code that came to the callback. It works once and for about ten minutes."""
    form = {
        "client_id": client_id,
        "client_secret": client_secret,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    return _posted(bases, tenant_id, form, sleep)


def refresh(
    bases: Bases,
    tenant_id: str,
    *,
    client_id: str,
    client_secret: str,
    refresh_token: str,
    audience: str = "api",
    sleep: Callable[[float], None] = time.sleep,
) -> Grant:
    """Fresh tokens for "api" or "graph". The refresh token in the answer replaces this one, which may be dead from now on: store it
    before the access token is used, and let one worker at a time do so."""
    form = {
        "client_id": client_id,
        "client_secret": client_secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "scope": f"{SCOPES[audience]} offline_access",
    }
    return _posted(bases, tenant_id, form, sleep)


def check_id_token(id_token: str | None, *, client_id: str, tenant_id: str, nonce: str) -> Claims:
    """Who signed in. WrongSignIn unless it was this tenant, for us, answering our own request, and not long ago."""
    claims = _claims(id_token)
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise WrongSignIn("audience")
    if not same(text_of(claims.get("nonce")), nonce):
        raise WrongSignIn("nonce")
    ends = claims.get("exp")
    if (
        not isinstance(ends, int | float)
        or isinstance(ends, bool)
        or ends + CLOCK_SKEW <= clock.of_the_machine().timestamp()
    ):
        raise WrongSignIn("expired")
    found = id_of(claims.get("tid"))
    user = text_of(claims.get("preferred_username") or claims.get("upn") or claims.get("email"), 320)
    if not found or found != id_of(tenant_id):
        raise WrongSignIn("tenant", f"{found} ({user})" if user else found)
    return Claims(found, user, text_of(claims.get("name"), 200))


def _claims(id_token: str | None) -> Mapping[str, Any]:
    parts = (id_token or "").split(".")
    if len(parts) != 3:
        raise WrongSignIn("unreadable")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError) as wrong:
        raise WrongSignIn("unreadable") from wrong
    if not isinstance(found, dict):
        raise WrongSignIn("unreadable")
    return found


def _posted(bases: Bases, tenant_id: str, form: Mapping[str, str], sleep: Callable[[float], None]) -> Grant:
    url = f"{bases.login}/{quote(tenant_id, safe='')}/oauth2/v2.0/token"
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    connections = Connections(READ_SECONDS)
    why, at_least = "", 0.0
    try:
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(max(at_least, 0.25 * 2**attempt * random.uniform(0.5, 1.0)))  # noqa: S311
            try:
                answer = connections.exchange("POST", url, headers, urlencode(form).encode())
                if answer.status == 200:
                    return _grant(object_of(answer.body))
            except (Broken, Garbled) as trouble:
                why = str(trouble)
                continue
            why = f"HTTP {answer.status} {_refused(answer)}".strip()
            at_least = retry_after(answer) or 0.0
            if at_least > LONGEST_WAIT:
                break
    finally:
        connections.close()
    raise Unreachable(f"No token was to be had, at the last try: {why}")


def _grant(sent: Fields) -> Grant:
    access_token = sent.get("access_token")
    if not isinstance(access_token, str) or not access_token:
        raise Garbled("an answer without an access token")
    lasts = text_of(sent.get("expires_in"), 12).partition(".")[0]
    return Grant(
        access_token,
        int(lasts) if lasts.isascii() and lasts.isdigit() else 3600,
        sent.get("refresh_token") or None,
        sent.get("id_token") or None,
        text_of(sent.get("scope"), 2000),
    )


def _refused(answer: Answer) -> str:
    """The reason to try again. SignInNeeded where no try will ever help."""
    complaint = Complaint(answer.body)
    said = complaint.sentence or complaint.code or f"HTTP {answer.status}"
    if complaint.code in _APPLICATION_ERRORS:
        raise ApplicationRefused(said, complaint.code)
    if (
        answer.status in (408, 429)
        or answer.status >= 500
        or complaint.code in ("temporarily_unavailable", "server_error")
    ):
        return said
    raise SignInNeeded(said, complaint.code)
