"""Somebody at a browser, or a program: asks over real HTTP, and asks again when the connection is cut."""

import random
import re
import threading
import time
from contextlib import suppress
from typing import Any

import httpx

from benchmarks.serving import PASSWORD
from benchmarks.soak.books import Answer, Books, Write
from benchmarks.soak.pages import Form, forms_of

#: without an answer for so long: a surprise
PATIENCE_SECONDS = 60.0
#: the server closes what is idle for two seconds; who uses a connection in that moment is cut without a kill
IDLE_SECONDS = 1.0
#: a double click: the same form on two connections at once
TWICE = 0.15
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class GaveUp(Exception):
    """No answer came in PATIENCE_SECONDS."""


class Visitor:
    """One session, or one key. Used by one thread, but for double clicks, which come from two."""

    def __init__(self, name: str, address: str, books: Books, seed: int, *, email: str = "", key: str = "") -> None:
        self.name, self.email, self.books = name, email, books
        self.dice = random.Random(seed)
        self.client = httpx.Client(
            base_url=address,
            timeout=httpx.Timeout(PATIENCE_SECONDS, connect=10),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS),
        )

    def sign_in(self) -> None:
        form = self.form("/sign-in", "/sign-in")
        assert form is not None
        self.ask("POST", "/sign-in", {303}, data=form.filled(email=self.email, password=PASSWORD))

    # Reading

    def get(self, path: str, *more: int) -> httpx.Response:
        """Expects 200, or what is given besides."""
        return self.ask("GET", path, {200, *more})

    def form(self, path: str, action: str | None = None, *more: int) -> Form | None:
        """The form of that page which is sent to `action` (by default: the page's own address); None where it has none."""
        page = self.get(path, *more)
        form = forms_of(page.text, path).get(action or path) if page.status_code == 200 else None
        if page.status_code == 200 and form is None:
            self.books.surprised(f"{self.name}: {path} has no form for {action or path}")
        return form

    # Writing

    def send(self, write: Write, path: str, expected: set[int], **sent: Any) -> httpx.Response:
        """Until it is answered. Now and then on two connections at once: then both must be answered alike."""
        if self.dice.random() >= TWICE:
            answer = self._sent(write, path, expected, **sent)
        else:
            answer = self._sent_twice(write, path, expected, **sent)
        write.status = answer.status_code
        return answer

    def _sent(self, write: Write, path: str, expected: set[int], **sent: Any) -> httpx.Response:
        return self.ask("POST", path, expected, write, **sent)

    def _sent_twice(self, write: Write, path: str, expected: set[int], **sent: Any) -> httpx.Response:
        answers: list[httpx.Response] = []

        def other() -> None:
            with suppress(GaveUp):
                answers.append(self._sent(write, path, expected, **sent))

        click = threading.Thread(target=other)
        click.start()
        try:
            first = self._sent(write, path, expected, **sent)
        finally:
            click.join()
        for second in answers:
            if (said(second), second.status_code) != (said(first), first.status_code):
                self.books.surprised(
                    f"{self.name}: {write.kind} {write.what} {path} sent twice at once was answered "
                    f"{first.status_code} {said(first)} and {second.status_code} {said(second)}"
                )
        return first

    def ask(
        self, method: str, path: str, expected: set[int], write: Write | None = None, **sent: Any
    ) -> httpx.Response:
        """The answer, however often the connection is cut or the database is away. Anything unexpected is written down."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_SECONDS:
            if write is not None:
                write.sent += 1
            if self.dice.random() < 0.3:
                sent["headers"] = {**sent.get("headers", {}), "Connection": "close"}  # the next one goes elsewhere
            try:
                answer = self.client.request(method, path, **sent)
            except httpx.ConnectError:
                self.books.nobody_there()
                time.sleep(0.2)
                continue
            except httpx.TransportError as cut:
                self.books.cut(self.name, path, f"{type(cut).__name__}: {cut}")
                time.sleep(0.2)
                continue
            self.books.answered(_noted(self.name, method, path, answer))
            if answer.status_code == 503:
                time.sleep(min(float(answer.headers.get("Retry-After", "1")), 2))
                continue
            if answer.status_code not in expected:
                self.books.surprised(f"{self.name}: {method} {path} {answer.status_code} {words_of(answer)}")
            return answer
        self.books.surprised(f"{self.name}: {method} {path} had no answer for {PATIENCE_SECONDS:.0f} s")
        raise GaveUp(path)


def _noted(who: str, method: str, path: str, answer: httpx.Response) -> Answer:
    route = _ID.sub("<id>", path.partition("?")[0])
    headers = answer.headers
    number = re.search(r"[0-9a-f]{32}", answer.text) if answer.status_code >= 500 else None
    return Answer(
        time.time(), who, method, route, answer.status_code, headers.get("Retry-After", ""), number[0] if number else ""
    )


def said(answer: httpx.Response) -> str:
    """What the answer tells of the row: where it leads, or the JSON's id."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        return str(answer.json().get("id") or answer.json().get("results"))
    return str(answer.headers.get("Location", ""))


def words_of(answer: httpx.Response) -> str:
    """The first words of a page, for a line about it."""
    text = re.sub(r"<(script|style|svg|nav|header).*?</\1>", " ", answer.text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
    return text.strip()[-400:]
