"""Login with Microsoft: from the link to the proven, stored consent.

    url = begin(account_id, by=by)               # the member's browser goes there, signs in with MFA and consents
    account = finish(state, code=..., by=by)     # it comes back to /csp/callback

The `state` is random, good once, for half an hour and for this member alone, so nobody can make another's browser finish theirs. What
comes back is proven to be the registered tenant before anything is stored; what cannot be proven is discarded.
"""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update

from app.csp.accounts import application, events, rules, sealing, states
from app.csp.accounts.model import CspAccount, CspSignIn, CspToken
from app.csp.microsoft import sign_in
from app.csp.microsoft.client import Client
from app.csp.microsoft.records import ApplicationRefused, Paused, SignInNeeded, Unreachable
from app.csp.microsoft.records import Refused as RefusedByMicrosoft
from app.csp.microsoft.sign_in import Claims, Grant
from app.csp.permissions import MANAGE_ACCOUNTS
from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import end_reading, transaction
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_, filled

ANOTHER = N_(
    "You signed in to another tenant than the registered one, %(registered)s: to %(said)s. Sign in with an account of the registered tenant."
)
NOT_AN_ADMIN = N_(
    "The account you signed in with may not read the partner profile (%(why)s). It needs the Admin Agent role."
)
NO_MFA = N_(
    "You signed in without multi-factor authentication, which Microsoft requires of partners. Sign in again with it."
)
ANOTHER_MPN = N_("The tenant's PartnerID is not the registered one, %(registered)s.")
NOT_PROVEN = N_("Microsoft's answer does not prove who signed in: %(why)s.")
NOT_REACHED = N_("Microsoft could not be reached: %(why)s. Try again in a while.")
REFUSED = N_("Microsoft said: %(why)s")
KEYS_CHANGED = N_("The portal's keys changed while you signed in. Log in with Microsoft again.")
APPLICATION = N_(
    "Microsoft refuses the portal's own application (%(why)s): whoever runs the portal renews MICROSOFT_CLIENT_SECRET."
)


class Nothing(Exception):
    """The sign-in came to nothing; the cause is for people, and stands on the account as well."""

    def __init__(self, account: CspAccount, cause: str) -> None:
        super().__init__(cause)
        self.account, self.cause = account, cause


class Spent(Exception):
    """No such sign-in of this member: never begun, used already, or too old. No call was made."""


def begin(account_id: uuid.UUID, *, by: Viewer) -> str:
    """Where the member's browser goes. NotSetUp where the portal has no application at Microsoft."""
    by.must(MANAGE_ACCOUNTS)
    told = application.present()
    state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), sign_in.new_verifier()
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        if account.state not in states.MAY_LOG_IN:
            raise AlreadyDone(account.state, states.BEGIN_LOGIN)
        if account.state in (states.DRAFT, states.CONSENT_PENDING):
            change_state(account, states.BEGIN_LOGIN, by=by)
        # what is over is of no use any more, and holds secrets
        over = clock.of_the_machine() - rules.LOGIN_LASTS
        session.execute(delete(CspSignIn).where(CspSignIn.account_id == account.id, CspSignIn.begun_at <= over))
        session.add(
            CspSignIn(
                partner_id=account.partner_id,
                account_id=account.id,
                member_id=by.member_id,
                state_fingerprint=_fingerprint(state),
                verifier=sealing.seal(verifier, account_id=account.id),
                nonce=sealing.seal(nonce, account_id=account.id),
                begun_at=clock.of_the_machine(),
            )
        )
    return sign_in.authorize_url(
        told.bases, account.tenant_id, client_id=told.client_id, redirect_uri=told.redirect_uri, state=state, nonce=nonce, verifier=verifier
    )  # fmt: skip


def finish(state: str, *, code: str = "", error: str = "", description: str = "", by: Viewer) -> CspAccount:
    """The browser is back. Returns the connected account; Spent or Nothing where it came to nothing."""
    by.must(MANAGE_ACCOUNTS)
    begun = _use_up(state, by=by)
    account = one(CspAccount, begun.account_id)
    try:
        if error or not code:
            raise _NotProven(filled(REFUSED, {"why": (description or error or "no code")[:500]}))
        end_reading()  # no transaction is open while Microsoft is asked
        proven = _prove(account, begun, code)
    except _NotProven as wrong:
        raise Nothing(_note(account.id, str(wrong), by=by), str(wrong)) from None
    return _connect(account.id, proven, by=by)


class _NotProven(Exception):
    """Why nothing is stored, in the user's words."""


def _use_up(state: str, *, by: Viewer) -> CspSignIn:
    """The sign-in that this state belongs to, spent from now on, whatever comes of it."""
    with transaction() as session:
        begun = session.scalar(
            select(CspSignIn).where(
                CspSignIn.state_fingerprint == _fingerprint(state), CspSignIn.member_id == by.member_id
            )
        )
        now = clock.of_the_machine()
        if begun is None or not rules.login_counts(begun.begun_at, begun.used_at, now):
            raise Spent
        spent = session.execute(
            update(CspSignIn)
            .where(CspSignIn.id == begun.id, CspSignIn.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        if getattr(spent, "rowcount", 0) != 1:
            raise Spent
    return begun


def _prove(account: CspAccount, begun: CspSignIn, code: str) -> dict[str, Any]:
    """Redeem the code and see that all of it is the registered tenant. Asks Microsoft; writes nothing."""
    told = application.present()
    try:
        verifier, nonce = (sealing.unseal(sealed, account_id=account.id) for sealed in (begun.verifier, begun.nonce))
        granted = sign_in.redeem(
            told.bases, account.tenant_id, client_id=told.client_id, client_secret=told.client_secret, redirect_uri=told.redirect_uri, code=code, verifier=verifier
        )  # fmt: skip
        claims = sign_in.check_id_token(
            granted.id_token, tenant_id=account.tenant_id, client_id=told.client_id, nonce=nonce
        )
        if not granted.refresh_token:
            raise _NotProven(filled(NOT_PROVEN, {"why": "it gave no refresh token"}))
        client = Client(told.bases, _OneToken(granted.access_token), _NoPause())
        try:
            return _profile(account, granted, claims, client)
        finally:
            client.close()
    except sealing.Unreadable:
        raise _NotProven(KEYS_CHANGED) from None
    except sign_in.WrongSignIn as wrong:
        if wrong.cause == "tenant":
            raise _NotProven(filled(ANOTHER, {"said": wrong.found or "?", "registered": account.tenant_id})) from None
        raise _NotProven(filled(NOT_PROVEN, {"why": str(wrong)})) from None
    except ApplicationRefused as no:
        raise _NotProven(filled(APPLICATION, {"why": str(no)})) from None
    except SignInNeeded as needed:
        if needed.code == "900421":
            raise _NotProven(NO_MFA) from None
        raise _NotProven(filled(REFUSED, {"why": needed.cause})) from None
    except RefusedByMicrosoft as no:
        raise _NotProven(filled(NOT_AN_ADMIN, {"why": f"{no.status} {no.code}".strip()})) from None
    except (Unreachable, Paused) as trouble:
        raise _NotProven(filled(NOT_REACHED, {"why": str(trouble)})) from None


def _profile(account: CspAccount, granted: Grant, claims: Claims, client: Client) -> dict[str, Any]:
    organisation = _lowered(client.organisation())
    if (said := rules.why_another(account.tenant_id, organisation)) is not None:
        raise _NotProven(filled(ANOTHER, {"said": said, "registered": account.tenant_id}))
    if account.mpn_id:
        try:
            mpn = _lowered(client.mpn(account.mpn_id))
        except RefusedByMicrosoft:
            mpn = {}
        if str(mpn.get("mpnid", "")).strip() != account.mpn_id:
            raise _NotProven(filled(ANOTHER_MPN, {"registered": account.mpn_id}))
    return {
        "granted": granted,
        "company_name": str(organisation.get("companyname") or "")[:300],
        "signed_in_as": (claims.user or claims.name)[:320],
        "is_vetted": rules.is_vetted(_or_nothing(client.legal_business)),
        "currency": str(_lowered(_or_nothing(client.billing_profile)).get("billingcurrency") or "")[:3].upper() or None,
    }


def _connect(account_id: uuid.UUID, proven: dict[str, Any], *, by: Viewer) -> CspAccount:
    granted = proven.pop("granted")
    now, machine = clock.now(), clock.of_the_machine()
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        change_state(
            account,
            states.CONNECT,
            by=by,
            columns={**proven, "trouble": None, "paused_until": None, "consented_at": now, "consented_by_name": by.member_name},
            signed_in_as=proven["signed_in_as"],
            company=proven["company_name"],
        )  # fmt: skip
        token = session.get(CspToken, account.id) or CspToken(account_id=account.id, partner_id=account.partner_id)
        token.refresh_token = sealing.seal(granted.refresh_token, account_id=account.id)
        token.refreshed_at = now
        token.api_token = sealing.seal(granted.access_token, account_id=account.id)
        token.api_token_until = rules.used_until(machine, granted.expires_in)
        token.graph_token = token.graph_token_until = None
        token.refreshing_by = token.refreshing_until = None
        session.add(token)
    return account


def _note(account_id: uuid.UUID, cause: str, *, by: Viewer) -> CspAccount:
    """Why it came to nothing. What was connected stays so, with its old tokens."""
    with transaction():
        account = one(CspAccount, account_id, lock=True)
        if account.state == states.CONSENT_PENDING:
            change_state(account, states.FAIL_LOGIN, by=by, columns={"trouble": cause}, cause=cause)
        else:
            history.record(account, events.LOGIN_REFUSED, by=by, cause=cause)
    return account


def _fingerprint(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _lowered(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in answer.items()}


def _or_nothing(ask: Any) -> Mapping[str, Any]:
    """What is only good to know: an account is connected without it."""
    try:
        found: Mapping[str, Any] = ask()
        return found
    except RefusedByMicrosoft:
        return {}


class _OneToken:
    """The token that was given a moment ago, before anything is stored: there is nothing to renew it with."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get(self, audience: str) -> str:
        return self._token

    def renew(self, audience: str, refused: str) -> str:
        raise SignInNeeded("the token that was just given is refused")


class _NoPause:
    def wait(self) -> float:
        return 0.0

    def begin(self, seconds: float) -> None:
        raise Paused(seconds)
