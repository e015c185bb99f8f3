"""A test engagement answers the product's custom parameters, by the rule that a client's request meets."""

import pytest

from app.catalog import entries
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import Product
from app.engagements import testing
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, one, viewing
from app.parties.model import Organisation
from tests.makers import as_partner, make_organisation
from tests.makers.testing import draft_product


@pytest.fixture
def northbridge() -> Organisation:
    return make_organisation("Northbridge", partner=True)


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


@pytest.fixture
def draft(northbridge: Organisation) -> Product:
    return draft_product(northbridge)


def test_a_test_answers_what_a_client_would_be_asked(draft: Product, ada: Viewer) -> None:
    """Kept as a client's answers are: label and value, in the entry's order; what a client could not send is refused."""
    plan_id = draft.plans[0].id
    made = {
        "Region": ParameterDraft("Region", "selection", ("Prague", "Brno"), True),
        "Size": ParameterDraft("Size", "short_text", (), False),
        "Terms read": ParameterDraft("Terms read", "checkbox", (), True),
    }
    with viewing(ada):
        for parameter in made.values():
            entries.add_parameter(draft, version=one(Product, draft.id).version, draft=parameter, by=ada)
        for given, field in (
            ({}, "parameter-region"),
            ({"region": "Atlantis", "terms-read": True}, "parameter-region"),
            ({"region": "Brno"}, "parameter-terms-read"),
        ):
            with pytest.raises(Refused) as no:
                testing.start_test(draft, plan_id=plan_id, name="Test", given=given, by=ada)
            assert no.value.field == field
        given = {"region": "Brno", "terms-read": True, "unknown": "left out"}
        test = testing.start_test(draft, plan_id=plan_id, name="Test", given=given, by=ada)
    assert test.custom_parameters == [
        {"label": "Region", "value": "Brno"},
        {"label": "Terms read", "value": "Yes"},
    ]
