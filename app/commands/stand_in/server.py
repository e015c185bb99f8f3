"""The loopback server that plays Microsoft: login, Partner Center, Graph and blobs on one port, strict as the contract says.

What a client does wrong is refused, and kept in `complaints` for whoever judges it.
"""

import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from app.commands.stand_in.api import TOKEN, Api
from app.commands.stand_in.exchange import Answer, Request, complaint, json_answer
from app.commands.stand_in.faults import Fault, Faults
from app.commands.stand_in.graph import BILLING, Graph, error
from app.commands.stand_in.login import AccessToken, Consent, Login
from app.commands.stand_in.world import World

#: a call so soon after a 429 was sent before it was heard of, and is throttled as well; one that comes later is a fault
ON_ITS_WAY_SECONDS = 0.3

#: a call that failed so often, or that nobody repeated for so long, was given up: the next one like it is a new call
TRIES, TRIED_AGAIN_WITHIN_SECONDS = 5, 30.0
#: what is kept of requests, for whoever judges them; a demo that runs for weeks must not grow
CALLS_KEPT = 100_000


class StandIn:
    """Microsoft, as far as the portal knows it."""

    def __init__(self, world: World, faults: Faults | None = None) -> None:
        self.world, self.faults = world, faults or Faults()
        self.habits = self.faults.habits
        self.login = Login(world, self.habits)
        self.api = Api(world, self.habits)
        self.graph = Graph(world, self.habits)
        self.port = 0
        #: what a client did against the contract
        self.complaints: list[str] = []
        #: "GET /path?query" of every request in order
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._throttled_since = self._throttled_until = 0.0
        self._ids: dict[str, str] = {}
        #: call -> the MS-RequestId of its last failure, how often it failed, and when
        self._failed: dict[str, tuple[str, int, float]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refresh_token(self) -> str:
        """One for the admin's consent with MFA, without walking through the sign-in."""
        return self.login.give(
            Consent(self.world.tenant_id, self.world.admin, True, "openid offline_access " + next(iter(_SCOPES)))
        )

    def answer(self, request: Request) -> Answer | Fault:
        with self._lock:
            if len(self.calls) >= CALLS_KEPT:
                self.calls.clear()
                self._ids.clear()
            self.calls.append(request.call)
        if self.habits.slow_ms:
            time.sleep(self.habits.slow_ms / 1000)
        if request.path.startswith("/v1/"):
            return self._called(request, "api")
        if request.path.startswith(BILLING):
            return self._called(request, "graph")
        fault = self.faults.next(request.call)
        if fault is not None:
            return self._faulty(fault, None)
        return self.graph.blob(request) if request.path.startswith("/blobs/") else self.login.answer(request)

    def _called(self, request: Request, audience: str) -> Answer | Fault:
        """With the checks that every call with a token goes through."""
        on_its_way = time.monotonic() - self._throttled_since < ON_ITS_WAY_SECONDS
        if on_its_way and time.monotonic() < self._throttled_until:
            return self._too_many(max(1, math.ceil(self._throttled_until - time.monotonic())))
        wrong = self._wrong(request, audience)
        if wrong:
            with self._lock:
                self.complaints.append(f"{request.call}: {wrong}")
            return complaint(400, "3000", wrong)
        token = self._token(request, audience)
        fault = self.faults.next(request.call)
        answer: Answer | Fault
        if fault is not None:
            answer = self._faulty(fault, token)
        elif isinstance(token, Answer):
            answer = token
        elif audience == "api":
            answer = self.api.answer(request, token)
        else:
            answer = self.graph.answer(request)
        self._remember(request, isinstance(answer, Fault) or _is_tried_again(answer))
        if isinstance(answer, Answer):
            for name in ("MS-RequestId", "MS-CorrelationId"):
                answer.headers.setdefault(name, request.headers.get(name, ""))
        return answer

    def whole(self, request: Request) -> Answer:
        """What an answer that is cut short would have been."""
        if request.path.startswith("/blobs/"):
            return self.graph.blob(request)
        token = self._token(request, "api" if request.path.startswith("/v1/") else "graph")
        if isinstance(token, Answer):
            return token
        return self.api.answer(request, token) if request.path.startswith("/v1/") else self.graph.answer(request)

    def _wrong(self, request: Request, audience: str) -> str:
        if time.monotonic() < self._throttled_until:
            return "called while throttled"
        if request.method != "GET" and (audience, request.method) != ("graph", "POST"):
            return f"{request.method} is never sent here"
        if request.headers.get("Accept") != "application/json":
            return "Accept: application/json is missing"
        if any(name.lower() == TOKEN.lower() for name in request.asked):
            return "a continuation token in the address"
        request_id, correlation = request.guid("MS-RequestId"), request.guid("MS-CorrelationId")
        if request_id is None or correlation is None:
            return "MS-RequestId or MS-CorrelationId is no GUID"
        call = _same(request)
        with self._lock:
            if self._ids.setdefault(request_id, call) != call:
                return "one MS-RequestId for two calls"
            expected, failures, at = self._failed.get(call, (request_id, 0, 0.0))
        gave_up = failures >= TRIES or time.monotonic() - at > TRIED_AGAIN_WITHIN_SECONDS
        if self.habits.judges_repeats and expected != request_id and not gave_up:
            return "a call was repeated with another MS-RequestId"
        return ""

    def _remember(self, request: Request, has_failed: bool) -> None:
        call = _same(request)
        request_id = request.guid("MS-RequestId") or ""
        with self._lock:
            if has_failed:
                last, failures, _at = self._failed.get(call, (request_id, 0, 0.0))
                self._failed[call] = request_id, failures + 1 if last == request_id else 1, time.monotonic()
            else:
                self._failed.pop(call, None)

    def _token(self, request: Request, audience: str) -> AccessToken | Answer:
        kind, _, sent = request.headers.get("Authorization", "").partition(" ")
        with self._lock:
            token = self.login.access_tokens.get(sent) if kind == "Bearer" else None
            is_good = token is not None and token.audience == audience and token.until > time.time()
            if is_good and token is not None and token.calls_left is not None:
                is_good = token.calls_left > 0
                token.calls_left -= 1
        if token is None or not is_good:
            if audience == "graph":
                return error(
                    401, "InvalidAuthenticationToken", "Access token is missing, of another audience or expired."
                )
            return complaint(
                401, "800001" if not sent else "400", "The access token is missing or expired.", self.habits
            )
        if not token.consent.has_mfa:
            return complaint(401, "900421", "Multi-factor authentication is required.", self.habits)
        return token

    def _faulty(self, fault: Fault, token: AccessToken | Answer | None) -> Answer | Fault:
        later = {} if fault.seconds is None else {"Retry_After": str(fault.seconds)}
        match fault.what:
            case "throttle":
                self._throttled_since = time.monotonic()
                self._throttled_until = self._throttled_since + (fault.seconds or 0)
                return self._too_many(fault.seconds)
            case "error":
                body = {"code": "800003", "description": "Unexpected service error."}
                return json_answer(body, fault.status, self.habits, **later)
            case "html":
                return Answer(fault.status, b"<html><h1>Bad gateway</h1></html>", content_type="text/html")
            case "garbage":
                return Answer(200, b'{"totalCount": 2, "items": [{"id": ')
            case "refuse":
                return complaint(fault.status if fault.status < 500 else 403, fault.code, "Access denied.", self.habits)
            case "no_mfa":
                return complaint(401, "900421", "Multi-factor authentication is required.", self.habits)
            case "expire":
                if isinstance(token, AccessToken):
                    token.until = 0.0
                return complaint(401, "400", "The access token has expired.", self.habits)
        return fault

    def _too_many(self, seconds: int | None) -> Answer:
        later = {} if seconds is None else {"Retry_After": str(seconds)}
        said = f"Rate limit is exceeded. Try again in {seconds or 1} seconds."
        return json_answer({"statusCode": 429, "message": said}, 429, self.habits, **later)


_SCOPES = ("https://api.partnercenter.microsoft.com/user_impersonation",)


Playing = TypeVar("Playing", bound=StandIn)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    stand_in: StandIn

    def do_GET(self) -> None:
        self._do(b"")

    def do_POST(self) -> None:
        self._do(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_POST

    def _do(self, body: bytes) -> None:
        with suppress(OSError):  # whoever asked has hung up
            request = Request(self.command, self.path, self.headers, body)
            answer = self.stand_in.answer(request)
            if isinstance(answer, Fault):
                self._break(answer, request)
            else:
                self._send(answer)

    def _send(self, answer: Answer, only: int | None = None) -> None:
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body if only is None else answer.body[:only])
        self.wfile.flush()

    def _break(self, fault: Fault, request: Request) -> None:
        """Resets the connection at once, or after half of what would have been the answer."""
        self.close_connection = True
        if fault.what == "short":
            whole = self.stand_in.whole(request)
            self._send(whole, only=len(whole.body) // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was broken on purpose is no news."""


def serve(stand_in: StandIn, port: int = 0) -> ThreadingHTTPServer:
    """A server that listens; who calls runs serve_forever()."""
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = _Server(("127.0.0.1", port), handler)
    stand_in.port = server.server_address[1]
    return server


@contextmanager
def standing_in(world: World, faults: Faults | None = None, port: int = 0) -> Iterator[StandIn]:
    """The stand-in, answering on loopback as long as the block lasts."""
    with serving(StandIn(world, faults), port) as stand_in:
        yield stand_in


@contextmanager
def serving(stand_in: Playing, port: int = 0) -> Iterator[Playing]:
    server = serve(stand_in, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _same(request: Request) -> str:
    """What makes two calls the same one, tried again: orders of two documents go to one address."""
    return f"{request.call} {request.headers.get(TOKEN)} {request.body!r}"


def _is_tried_again(answer: Answer) -> bool:
    """So that the next one must carry the same MS-RequestId. A sign-in without MFA is not: it needs another sign-in, a new call."""
    return (
        answer.status in (408, 429) or answer.status >= 500 or (answer.status == 401 and b"900421" not in answer.body)
    )
