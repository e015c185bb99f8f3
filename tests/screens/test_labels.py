"""What a label says: a choice that always has a value is not called optional, one that may stay empty is."""

import pytest

from tests.makers import make_product
from tests.page import Page


def labels(page):
    return {" ".join(label.get_text(" ").split()) for label in page.soup.select("main .field > label, main legend")}


@pytest.mark.parametrize(
    ("who", "path", "label"),
    [
        ("ada", "/account", "Time zone"),
        ("ada", "/settings/api-keys/new", "Good for"),
        ("olga", "/programmes/new", "Currency"),
    ],
)
def test_a_choice_that_has_a_value_is_not_optional(people, as_, who, path, label):
    page = Page(as_(who).get(path))
    page.check()
    assert label in labels(page), labels(page)


def test_a_choice_that_may_stay_empty_is(app, people, as_):
    with app.app_context():
        make_product(
            partner=people.northbridge,
            parameters=[
                {"key": "region", "label": "Region", "kind": "selection", "options": ["Prague", "Brno"]},
                {"key": "size", "label": "Size", "kind": "selection", "options": ["S", "L"], "required": True},
            ],
        )
    page = Page(as_("dot").get("/catalog/data-rescue/request"))
    page.check()
    assert {"Region (optional)", "Size"} <= labels(page)
