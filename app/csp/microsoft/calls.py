"""One call to Microsoft, however often it takes: its headers, its retries, its pauses, and one fresh token.

Every try of a call carries the same MS-RequestId. Three failures in a row of any kind are survived; being throttled is no failure
and pauses every worker of the account for as long as Microsoft says; a token that ended is renewed once.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from app.csp.microsoft.answers import Complaint, refusal, retry_after
from app.csp.microsoft.bases import Bases
from app.csp.microsoft.connections import Answer, Broken, Connections
from app.csp.microsoft.decoding import Garbled
from app.csp.microsoft.records import Paused, Refused, SignInNeeded, Unreachable
from app.csp.microsoft.spelling import Unreadable
from app.csp.microsoft.tokens import Pause, Tokens

Read = TypeVar("Read")

ATTEMPTS = 7
#: how often in a row one call is throttled before its worker goes away and comes back later
THROTTLED = 12
#: the first wait of a backoff; each next one is twice as long, and a random part of it is left out
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
#: how many tokens one call may use up while workers beside it renew them
TOKENS = 4
_RETRIED = frozenset({408, 500, 502, 503, 504})
_NO_MFA = "900421"
APPLICATION = "Partner Portal"
#: never taken from a link: they are ours or the connection's
_OWN_HEADERS = frozenset(
    {"authorization", "host", "cookie", "connection", "content-length", "transfer-encoding", "ms-requestid", "expect"}
)


class Call(NamedTuple):
    url: str
    #: None: without a token, as blobs are fetched
    audience: str | None
    method: str = "GET"
    headers: Iterable[tuple[str, str]] = ()
    body: bytes | None = None


class Calls:
    def __init__(
        self,
        bases: Bases,
        tokens: Tokens,
        pause: Pause,
        *,
        counted: Callable[[float], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.bases = bases
        self.connections = Connections()
        self.sleep = sleep
        self._tokens, self._pause, self._counted = tokens, pause, counted
        #: audience -> the last token with which any of this account's calls got through
        self._got_through: dict[str, str] = {}

    def make(self, call: Call, read: Callable[[Answer], Read]) -> Read:
        """What `read` makes of the answer. Refused, SignInNeeded, Unreachable or Paused otherwise."""
        headers = _headers(call)
        tries = Tries(self, call.url, headers.get("MS-RequestId", ""))
        used: list[str] = []
        while True:
            token = None
            if call.audience:
                token = self._tokens.get(call.audience)
                headers["Authorization"] = f"Bearer {token}"
            try:
                answer = self._exchanged(call, headers)
                if token is not None and call.audience and answer.status != 401:
                    self._got_through[call.audience] = token
                if answer.status < 300:
                    return read(answer)
            except (Broken, Garbled) as trouble:
                tries.failed(str(trouble))
                continue
            except Unreadable as wrong:
                raise Refused(answer.status, "unreadable", str(wrong), headers["MS-RequestId"]) from wrong
            if answer.status == 401 and token is not None and call.audience:
                self._renewed(call.audience, token, answer, used)
            else:
                tries.answered(answer)

    def paused(self) -> float:
        return self._pause.wait()

    def pause_for(self, seconds: float) -> None:
        self._pause.begin(seconds)

    def count(self, throttled: float = 0.0) -> None:
        self._counted(throttled)

    def _exchanged(self, call: Call, headers: Mapping[str, str]) -> Answer:
        throttled = self._pause.wait()
        try:
            return self.connections.exchange(call.method, call.url, headers, call.body)
        finally:
            self._counted(throttled)

    def _renewed(self, audience: str, token: str, answer: Answer, used: list[str]) -> None:
        """See to another token once; again only where calls beside us have used that one up, or have got another meanwhile.

        A fresh token that no call gets through with is the consent's end; one that ended while this call waited its turn is not.
        """
        complaint = Complaint(answer.body)
        if complaint.code == _NO_MFA:
            raise SignInNeeded("The sign-in was made without multi-factor authentication.", _NO_MFA)
        is_used_up = self._got_through.get(audience) == token and len(used) < TOKENS
        if not used or is_used_up:
            self._tokens.renew(audience, token)
        elif len(used) >= TOKENS or self._tokens.get(audience) in (*used, token):
            said = complaint.sentence or "no reason given"
            raise SignInNeeded(f"Microsoft refuses a fresh token: {said}", complaint.code)
        used.append(token)


class Tries:
    """Counts what goes wrong with one call, and waits in between or gives up."""

    def __init__(self, calls: Calls, url: str, request_id: str = "") -> None:
        self._calls, self._request_id = calls, request_id
        self._path = url.partition("?")[0]
        self._failures = self._throttled = 0

    def progressed(self) -> None:
        """Something new came: what went wrong before it is forgotten."""
        self._failures = self._throttled = 0

    def failed(self, why: str, at_least: float = 0.0) -> None:
        self._failures += 1
        if self._failures >= ATTEMPTS:
            known_as = f" (MS-RequestId {self._request_id})" if self._request_id else ""
            raise Unreachable(f"{ATTEMPTS} tries of {self._path} came to nothing, the last one: {why}{known_as}")
        if at_least > 0:
            self._calls.pause_for(at_least)
        wait = min(FIRST_WAIT * 2 ** (self._failures - 1), LONGEST_WAIT)
        self._calls.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # spreads workers, keeps no secret

    def answered(self, answer: Answer) -> None:
        """Waits after an answer that may be another one next time; Refused after one that stays."""
        if answer.status == 429:
            self._throttle(answer)
        elif answer.status in _RETRIED or answer.status > 504:
            self.failed(f"HTTP {answer.status}", retry_after(answer) or 0.0)
        else:
            raise refusal(answer, self._request_id)

    def _throttle(self, answer: Answer) -> None:
        self._throttled += 1
        asked = retry_after(answer)
        grown = 2.0 ** (self._throttled - 1) if self._throttled > 1 or asked is None else 0.0
        seconds = max(asked or 0.0, min(grown, 120.0))
        self._calls.pause_for(seconds)
        if self._throttled >= THROTTLED:
            raise Paused(seconds)


def _headers(call: Call) -> dict[str, str]:
    headers = {name: value for name, value in call.headers if name.lower() not in _OWN_HEADERS}
    request_id = str(uuid.uuid4())
    if call.audience:
        headers |= {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "MS-RequestId": request_id,
            "MS-CorrelationId": str(uuid.uuid4()),
            "MS-PartnerCenter-Application": APPLICATION,
            "MS-Contract-Version": "v1",
            "X-Locale": "en-US",
        }
    if call.audience == "graph":
        headers["client-request-id"] = request_id
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return headers
