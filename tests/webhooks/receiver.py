"""A real HTTP server on loopback that takes webhooks, whose answers a test decides."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What has arrived, and how it answers."""

    port: int = 0
    #: (path, headers in lower case, body) in order of arrival
    received: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    status: int = 204
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: how long it thinks before it answers
    thinks_seconds: float = 0
    #: seconds between two bytes of its answer
    drips_seconds: float = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[str]:
        return [body for _path, _headers, body in self.received]

    def verified(self, secret: str, index: int = -1) -> Any:
        """The message, checked as a receiver would check it."""
        from standardwebhooks import Webhook

        _path, headers, body = self.received[index]
        return Webhook(secret).verify(body, headers)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            sent = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append((self.path, sent, body))
            time.sleep(receiver.thinks_seconds)
            with suppress(OSError):  # the portal has hung up
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                if receiver.status != 204:
                    self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                for n in range(len(receiver.answer)) if receiver.drips_seconds else ():
                    self.wfile.write(receiver.answer[n : n + 1])
                    self.wfile.flush()
                    time.sleep(receiver.drips_seconds)
                if not receiver.drips_seconds:
                    self.wfile.write(receiver.answer)

        def do_GET(self) -> None:
            receiver.received.append((self.path, {}, ""))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
