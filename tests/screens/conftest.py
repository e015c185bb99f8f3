"""The cast, moved in, and a browser for each of them."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.databases import Restorer
from tests.people import People, everybody, sign_in


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def as_(app: Flask, people: People) -> Callable[[str], FlaskClient]:
    """`as_("ada")` is the browser in which Ada is signed in; `as_("nobody")` one in which nobody is."""
    open_ones: dict[str, FlaskClient] = {}

    def browser(first_name: str) -> FlaskClient:
        if first_name not in open_ones:
            open_ones[first_name] = app.test_client()
            if first_name != "nobody":
                sign_in(open_ones[first_name], people.members[first_name].email)
        return open_ones[first_name]

    return browser
