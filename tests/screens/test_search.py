"""The search of engagements: several words, each somewhere in number, name, client or product; case and accents do not count."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalog.model import Product
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one
from app.parties.model import Organisation
from tests.makers import make_engagement, make_organisation, make_product, make_programme
from tests.page import Page
from tests.people import People

As = Callable[[str], FlaskClient]


@pytest.fixture
def made(app: Flask, people: People) -> dict[str, Any]:
    with app.app_context():
        programme = make_programme()
        rescue = make_product(programme, people.northbridge, name="Data rescue")
        watch = make_product(programme, people.northbridge, name="Cloud watch")
        lodz = make_organisation("Łódź Textiles", customer=True)
        found = {
            "mill": make_engagement(rescue, lodz, name="Mill servers"),
            "tills": make_engagement(watch, people.globex, name="Tills, générale 100%"),
            "archive": make_engagement(rescue, people.acme, name="Archive of Acme"),
        }
        foreign = make_product(programme, people.contrail, name="Data rescue too")
        make_engagement(foreign, people.acme, name="Contrail archive")
        db.session.remove()
    return found


def found(client: FlaskClient, words: str, path: str = "/engagements") -> set[str]:
    page = Page(client.get(path, query_string={"search": words}))
    return {link.text for link in page.soup.select("td.k-name > a")}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("lodz", {"Mill servers"}),
        ("ŁÓDŹ mill", {"Mill servers"}),
        ("mill lodz rescue", {"Mill servers"}),
        ("rescue", {"Mill servers", "Archive of Acme"}),
        ("GLOBEX cloud", {"Tills, générale 100%"}),
        ("generale", {"Tills, générale 100%"}),
        ("100%", {"Tills, générale 100%"}),
        ("%", {"Tills, générale 100%"}),
        ("_", set()),
        ("rescue globex", set()),
        ("\\", set()),
        ("arch acme eng-", {"Archive of Acme"}),
        ("a b c d e f g h " + "x" * 90, set()),
    ],
)
def test_each_word_stands_somewhere(as_: As, made: dict[str, Any], words: str, names: set[str]) -> None:
    assert found(as_("ada"), words) == names


def test_by_number(as_: As, made: dict[str, Any]) -> None:
    number = made["tills"].number
    assert found(as_("ada"), number.lower()) == {"Tills, générale 100%"}
    assert found(as_("ada"), number[4:]) >= {"Tills, générale 100%"}


def test_renamed_things_are_found_by_their_new_names(app: Flask, as_: As, made: dict[str, Any], people: People) -> None:
    with app.app_context(), acting_for_all("a test renames"), transaction():
        one(Organisation, people.globex.id).name = "Glóbex Zürich"
        one(Product, made["archive"].product_id).name = "Tape rescue"
    assert found(as_("ada"), "zurich") == {"Tills, générale 100%"}
    assert found(as_("ada"), "tape arch") == {"Archive of Acme"}


def test_the_header_leads_to_ones_own_list(as_: As, made: dict[str, Any]) -> None:
    for person, path in (("ada", "/engagements"), ("olga", "/engagements"), ("dot", "/my/engagements")):
        page = Page(as_(person).get("/"))
        page.check()
        assert page.soup.select_one("form#top-search")["action"] == path
    assert not Page(as_("nobody").get("/catalog")).soup.select("#top-search")
    assert found(as_("dot"), "rescue", "/my/engagements") == {"Archive of Acme", "Contrail archive"}
    assert found(as_("dot"), "lodz", "/my/engagements") == set()
    assert found(as_("ada"), "contrail") == set()


@pytest.mark.parametrize("words", ["x" * 5000, "🙂", "１０", "'; drop table", "\u202e", "a" * 100 + " b"])
def test_hostile_words(as_: As, made: dict[str, Any], words: str) -> None:
    for path in ("/engagements", "/engagements/bulk-entry"):
        assert as_("ada").get(path, query_string={"search": words}).status_code == 200
