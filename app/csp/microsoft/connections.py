"""Kept HTTP connections to a few hosts, shared by the threads of one account: urllib3, as this wire needs it.

It follows no redirect, keeps no cookie, tries nothing again by itself, and a body shorter than announced is an error and never an
answer. Chosen over httpx for its price: pages of lines are megabytes, and there are thousands of small answers.
"""

import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

CONNECT_SECONDS = 15
#: Microsoft's own client waits as long for an answer
READ_SECONDS = 180
#: connections that are kept to one host; more are opened where more threads ask, and closed after
KEPT = 8

#: a signed address is asked for with nothing of ours, not even the library's name
_OWN = {"User-Agent": SKIP_HEADER}


class Broken(Exception):
    """No whole answer came: refused, reset, timed out or cut short."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """One pool for one account; each exchange has a connection of its own."""

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        waits = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)
        self._straight = urllib3.PoolManager(maxsize=KEPT, retries=False, timeout=waits)
        proxy, login = _proxy()
        self._tunnel = (
            urllib3.ProxyManager(
                proxy, maxsize=KEPT, retries=False, timeout=waits, proxy_headers=urllib3.make_headers(proxy_basic_auth=login)
            )
            if proxy
            else self._straight
        )  # fmt: skip

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer. Broken when there is none."""
        with _as_broken():
            answer = self._pool(url).request(method, url, body=body, headers={**_OWN, **headers}, redirect=False)
            return Answer(answer.status, answer.headers, answer.data)

    @contextmanager
    def streamed(self, url: str, headers: Mapping[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """A GET whose body is read piece by piece, as it was stored. Broken when it ends early."""
        with _as_broken():
            answer = self._pool(url).request(
                "GET", url, headers={**_OWN, **headers}, redirect=False, preload_content=False, decode_content=False
            )
            try:
                yield answer
            finally:
                answer.close()

    def close(self) -> None:
        self._straight.clear()
        self._tunnel.clear()

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Plain http is a loopback's, and NO_PROXY names who is reached without the machine's proxy."""
        parts = urlsplit(url)
        if parts.scheme == "https" and not urllib.request.proxy_bypass(parts.netloc):
            return self._tunnel
        return self._straight


@contextmanager
def _as_broken() -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError, ValueError, zlib.error) as trouble:
        raise Broken(f"{type(trouble).__name__}: {trouble}") from trouble


def _proxy() -> tuple[str | None, str | None]:
    """This machine's HTTPS_PROXY as an address, and the user:password in it."""
    address = urllib.request.getproxies().get("https", "")
    if not address:
        return None, None
    parts = urlsplit(address if "//" in address else f"//{address}")
    login, _, there = parts.netloc.rpartition("@")
    return f"{parts.scheme or 'http'}://{there}", unquote(login) or None
