"""The cast, moved in, and a browser for each of them."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.people import People, move_in, sign_in


@pytest.fixture
def people(app: Flask) -> People:
    with app.app_context():
        return move_in()


@pytest.fixture
def as_(app: Flask, people: People) -> Callable[[str], FlaskClient]:
    """`as_("ada")` is a browser in which Ada is signed in; `as_("nobody")` one in which nobody is."""

    def browser(first_name: str) -> FlaskClient:
        client = app.test_client()
        if first_name != "nobody":
            sign_in(client, people.members[first_name].email)
        return client

    return browser
