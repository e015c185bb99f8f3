"""Action tests call rooms directly: a real database, an application context, no request."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.foundation.database import db


@pytest.fixture(autouse=True)
def in_the_portal(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()
