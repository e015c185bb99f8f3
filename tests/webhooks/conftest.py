"""Everybody, a receiver on loopback, and one run of the job that sends."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.foundation.database import db
from app.notices import webhook_sending
from tests.databases import Restorer
from tests.notices.conftest import settings_of
from tests.people import People, everybody
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> Iterator[People]:
    with app.app_context():
        yield everybody(app, restore_database)
        db.session.remove()


@pytest.fixture
def send(app: Flask) -> Any:
    """What one run of the job does, towards loopback; in a session of its own, as the job has it."""

    def run(**changes: Any) -> webhook_sending.Sent:
        db.session.remove()
        webhook_sending.fan_out()
        settings = settings_of(app, **{"webhook_private_addresses": True, **changes})
        sent = webhook_sending.send_due(settings)
        db.session.remove()
        return sent

    return run
