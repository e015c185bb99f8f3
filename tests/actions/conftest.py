"""Action tests call rooms directly: a real database, an application context, no request.

What any of them puts into the outbox must be sayable: a notice that cannot be written is found where it is posted.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.notices.bodies import render


@pytest.fixture(autouse=True)
def in_the_portal(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()
        every_notice_can_be_written()
        db.session.remove()


def every_notice_can_be_written() -> None:
    with acting_for_all("a test reads what was posted"):
        rows = db.session.execute(select(OutboxRow.template, OutboxRow.facts).limit(500)).all()
    for template, facts in rows:
        body = render(template, facts, portal_name="Partner Portal", portal_url="https://portal.example")
        assert body.subject
        assert "\n" not in body.subject
        assert "https://portal.example/" in body.text
        assert "{" not in body.text + body.subject
        assert "\n\n\n" not in body.text
        assert "&amp;" not in body.text + body.subject
