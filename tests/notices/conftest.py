"""A real mail server on loopback, whose answers a test decides."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from app.config import Settings


@dataclass
class Inbox:
    """What the server has taken, and how it answers."""

    port: int
    #: (recipients, message) in order of arrival
    mail: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    #: address -> the answer to RCPT, "550 no such mailbox"
    refuses: dict[str, str] = field(default_factory=dict)
    #: the answer to DATA; None: taken
    says_to_data: str | None = None
    #: how long it thinks about each message
    thinks_seconds: float = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.thinks_seconds)
        if self.says_to_data:
            return self.says_to_data
        self.mail.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content, policy=modern)))
        return "250 taken"

    def settings(self, app: Flask, **changes: Any) -> Settings:
        return settings_of(app, **{"smtp_url": f"smtp://127.0.0.1:{self.port}", **changes})


def settings_of(app: Flask, **changes: Any) -> Settings:
    return replace(cast(Settings, app.config["SETTINGS"]), **changes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_server() -> Iterator[Callable[..., Inbox]]:
    """Start a server, on a given port if need be; `options` are aiosmtpd's."""
    running: list[Controller] = []

    def start(port: int | None = None, **options: Any) -> Inbox:
        inbox = Inbox(port or free_port())
        controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port, **options)
        controller.start()
        running.append(controller)
        return inbox

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def inbox(start_server: Callable[..., Inbox]) -> Inbox:
    return start_server()
