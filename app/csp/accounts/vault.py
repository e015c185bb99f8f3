"""An account's tokens: sealed at rest, rotated and stored before use, refreshed by one worker at a time.

    tokens = Tokens(account_id)          # in an app context; then usable from any thread
    tokens.get("api")                    # refreshes when the present one is about to end
    tokens.renew("api", refused)         # a call was answered 401 with this one

Microsoft may revoke a refresh token at its first use. So whoever refreshes takes the right to first, a compare-and-set on the row, and
stores the new token before anybody uses what came with it; the others wait and read. The right is kept up between the tries of a
refresh and lapses by itself: a worker that dies with it holds nobody up for longer than REFRESH_LASTS.
"""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.csp.accounts import application, rules, sealing
from app.csp.accounts.actions import GONE
from app.csp.accounts.model import CspAccount, CspToken
from app.csp.microsoft import sign_in
from app.csp.microsoft.records import ApplicationRefused, SignInNeeded, Unreachable
from app.csp.microsoft.sign_in import Grant
from app.foundation import clock
from app.foundation.database import db, transaction_apart
from app.foundation.identity import new_id
from app.foundation.tenancy import acting_for_all
from app.foundation.text import N_

API, GRAPH = "api", "graph"
#: longer than one try of a refresh can take
REFRESH_LASTS = timedelta(seconds=60)
LOOK_EVERY_SECONDS = 0.1

KEYS_CHANGED = N_(
    "The stored consent cannot be read under the portal's present keys: whoever runs the portal brings the missing key back to TOKEN_ENCRYPTION_KEYS, or log in with Microsoft again."
)


class KeysChanged(ApplicationRefused):
    """The portal's own keys do not fit. No consent is lost: with the key it is there again."""


class _Overtaken(Exception):
    """Another worker has the right to refresh by now."""


class Tokens:
    """What the wire asks for tokens. One object may be shared by threads."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self._account_id = account_id
        self._engine = db.engine
        self._present: dict[str, tuple[str, datetime]] = {}
        self._one_at_a_time = threading.Lock()

    def get(self, audience: str) -> str:
        known = self._present.get(audience)
        if known and clock.of_the_machine() < known[1]:
            return known[0]
        return self._fresh(audience, None)

    def renew(self, audience: str, refused: str) -> str:
        return self._fresh(audience, refused)

    def _fresh(self, audience: str, refused: str | None) -> str:
        """The stored token if it is another than the refused one, else a new one."""
        me = new_id().hex
        until = time.monotonic() + REFRESH_LASTS.total_seconds() * 3
        with self._one_at_a_time:
            while time.monotonic() < until:
                stored = self._in_a_session(self._read)
                if (token := self._usable(stored, audience, refused)) is not None:
                    return token
                if self._in_a_session(lambda session: self._take_right(session, me)):
                    try:
                        return self._refresh(audience, refused, me)
                    except _Overtaken:
                        continue
                    except SignInNeeded:
                        # it may be that somebody whose right had lapsed came through meanwhile: then that token is good
                        if self._in_a_session(self._read).refresh_token == stored.refresh_token:
                            raise
                time.sleep(LOOK_EVERY_SECONDS)
        raise Unreachable("another worker is refreshing the consent and does not come to an end")

    def _usable(self, stored: CspToken, audience: str, refused: str | None) -> str | None:
        known = _access(stored, audience, self._account_id)
        if known is None or known[0] == refused or clock.of_the_machine() >= known[1]:
            return None
        self._present[audience] = known
        return known[0]

    def _refresh(self, audience: str, refused: str | None, me: str) -> str:
        """Whoever has the right: asks with the refresh token as it is stored now, stores what comes, gives the right back.

        Who had the right before may have come to its end since it was looked for last: then what it stored is used.
        """
        try:
            stored = self._in_a_session(self._read)
            if (token := self._usable(stored, audience, refused)) is not None:
                self._in_a_session(lambda session: self._give_back(session, me))
                return token
            granted = self._asked(audience, _opened(stored.refresh_token, self._account_id), me)
        except BaseException:
            self._in_a_session(lambda session: self._give_back(session, me))
            raise
        until = rules.used_until(clock.of_the_machine(), granted.expires_in)
        columns = _columns(audience, granted, until, self._account_id)
        self._in_a_session(lambda session: self._give_back(session, me, **columns))
        self._present[audience] = (granted.access_token, until)
        return granted.access_token

    def _asked(self, audience: str, refresh_token: str, me: str) -> Grant:
        tenant_id = self._in_a_session(
            lambda session: session.scalar(select(CspAccount.tenant_id).where(CspAccount.id == self._account_id))
        )
        told = application.present()

        def keep_and_sleep(seconds: float) -> None:
            lasts = REFRESH_LASTS + timedelta(seconds=seconds)
            if not self._in_a_session(lambda session: self._keep_right(session, me, lasts)):
                raise _Overtaken
            time.sleep(seconds)

        return sign_in.refresh(
            told.bases,
            tenant_id,
            client_id=told.client_id,
            client_secret=told.client_secret,
            refresh_token=refresh_token,
            audience=audience,
            sleep=keep_and_sleep,
        )

    def _read(self, session: Session) -> CspToken:
        found = session.get(CspToken, self._account_id)
        if found is None:
            raise SignInNeeded(GONE)
        return found

    def _take_right(self, session: Session, me: str) -> bool:
        now = clock.of_the_machine()
        taken = session.execute(
            update(CspToken)
            .where(
                CspToken.account_id == self._account_id,
                or_(CspToken.refreshing_until.is_(None), CspToken.refreshing_until < now),
            )
            .values(refreshing_by=me, refreshing_until=now + REFRESH_LASTS)
            .execution_options(synchronize_session=False)
        )
        return int(getattr(taken, "rowcount", 0)) == 1

    def _keep_right(self, session: Session, me: str, lasts: timedelta) -> bool:
        kept = session.execute(
            update(CspToken)
            .where(CspToken.account_id == self._account_id, CspToken.refreshing_by == me)
            .values(refreshing_until=clock.of_the_machine() + lasts)
            .execution_options(synchronize_session=False)
        )
        return int(getattr(kept, "rowcount", 0)) == 1

    def _give_back(self, session: Session, me: str, **columns: Any) -> None:
        session.execute(
            update(CspToken)
            .where(CspToken.account_id == self._account_id, CspToken.refreshing_by == me)
            .values(refreshing_by=None, refreshing_until=None, **columns)
            .execution_options(synchronize_session=False)
        )

    def _in_a_session(self, do: Callable[[Session], Any]) -> Any:
        """In whatever thread: what calls holds no transaction open while it asks the network."""
        with acting_for_all("an account's own tokens"), transaction_apart(self._engine) as session:
            return do(session)


def _opened(sealed: str, account_id: uuid.UUID) -> str:
    try:
        return sealing.unseal(sealed, account_id=account_id)
    except sealing.Unreadable as wrong:
        raise KeysChanged(KEYS_CHANGED) from wrong


def _access(stored: CspToken, audience: str, account_id: uuid.UUID) -> tuple[str, datetime] | None:
    sealed, until = (
        (stored.api_token, stored.api_token_until)
        if audience == API
        else (stored.graph_token, stored.graph_token_until)
    )
    return (_opened(sealed, account_id), until) if sealed and until else None


def _columns(audience: str, granted: Grant, until: datetime, account_id: uuid.UUID) -> dict[str, Any]:
    """What a grant changes in the row. Without a new refresh token the one we have stays good."""
    columns: dict[str, Any] = {
        f"{audience}_token": sealing.seal(granted.access_token, account_id=account_id),
        f"{audience}_token_until": until,
    }
    if granted.refresh_token:
        columns |= {
            "refresh_token": sealing.seal(granted.refresh_token, account_id=account_id),
            "refreshed_at": clock.now(),
        }
    return columns
