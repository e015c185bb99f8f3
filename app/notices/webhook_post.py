"""One message to one address: looked up, checked, and sent to the very address that was checked.

Between the check and the call nobody is asked again, so that a name which answers differently the second time gains nothing.
Redirects are not followed, proxies of the environment not asked, the answer is read no further than its beginning, and the
whole try ends after TOTAL_SECONDS, however slowly the name is answered and the other side drips.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from queue import Empty, Queue
from threading import Thread
from typing import Any

import httpx

from app.notices import webhook_rules as rules

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 10.0, 15.0
#: So much of an answer is kept for people to read.
MOST_ANSWERED = 1000


@dataclass(frozen=True)
class Outcome:
    """What came of one try. `error` is empty when it arrived: the receiver said 2xx."""

    status: int | None
    milliseconds: int
    answer: str
    error: str


class NotAllowed(Exception):
    """The name leads into a private network."""


def post(url: str, headers: Mapping[str, str], body: str, *, private_allowed: bool) -> Outcome:
    """Send it. Never raises for what the other side, the network or the name does."""
    began = time.perf_counter()
    status, answer, error = None, "", ""
    try:
        where = httpx.URL(url)
        address = _address_of(where, private_allowed=private_allowed)
        left = max(0.0, TOTAL_SECONDS - (time.perf_counter() - began))
        status, answer = asyncio.run(_send(where, address, headers, body, seconds=left))
        if not 200 <= status < 300:
            error = f"answered {status}"
    except NotAllowed as no:
        error = str(no)
    except TimeoutError:
        error = f"no answer within {TOTAL_SECONDS:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ssl.SSLError) as trouble:
        error = f"{type(trouble).__name__}: {trouble}"[:300]
    return Outcome(status, round((time.perf_counter() - began) * 1000), answer, error)


def _address_of(where: httpx.URL, *, private_allowed: bool) -> str:
    """The address to call. One that may not be called makes the name as a whole untrustworthy."""
    port = where.port or {"https": 443, "http": 80}[where.scheme]
    found = _looked_up(where.host, port)
    addresses = [str(sockaddr[0]) for _family, _type, _proto, _name, sockaddr in found]
    refused = [one for one in addresses if not private_allowed and not rules.may_be_called(one)]
    if refused or not addresses:
        raise NotAllowed(f"{where.host} leads to {', '.join(refused) or 'nowhere'}, where webhooks may not go")
    if where.scheme != "https" and not private_allowed:
        raise NotAllowed("webhooks go to https:// only")
    return addresses[0]


def _looked_up(host: str, port: int) -> list[Any]:
    """What getaddrinfo says; TimeoutError after TOTAL_SECONDS.

    It answers as slowly as the name's owner wishes and cannot be called off, so a thread that nobody waits for asks.
    """
    answers: Queue[Any] = Queue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as no:
            answers.put(no)

    Thread(target=ask, daemon=True).start()
    try:
        said = answers.get(timeout=TOTAL_SECONDS)
    except Empty as silence:
        raise TimeoutError from silence
    if isinstance(said, Exception):
        raise said
    return list(said)


async def _send(
    where: httpx.URL, address: str, headers: Mapping[str, str], body: str, *, seconds: float
) -> tuple[int, str]:
    to = where.copy_with(host=address)
    host = where.netloc.decode("ascii")
    sent = {**headers, "Host": host, "Content-Type": "application/json", "User-Agent": "partner-portal-webhooks/1"}
    limits = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(verify=_trusted(), timeout=limits, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST", to, headers=sent, content=body.encode(), extensions={"sni_hostname": where.host}
        ) as answered,
    ):
        said = b""
        async for chunk in answered.aiter_raw():
            said += chunk
            if len(said) >= MOST_ANSWERED:
                break
        return answered.status_code, _readable(said)


def _readable(said: bytes) -> str:
    text = said[:MOST_ANSWERED].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted (SSL_CERT_FILE names others), read once: it takes longer than a message."""
    return httpx.create_ssl_context()
