"""Setting up a programme: what is refused on which field, what history keeps, and what an installation begins with."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.catalog.model import Programme
from app.catalog.programmes import DEFAULT, Terms, check_terms, create_programme, currencies
from app.foundation import history
from app.foundation.database import db
from app.foundation.refusals import MissingRole, Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.members.roles import OPERATOR_ADMIN
from tests.makers import as_operator, as_partner, make_organisation

JAPAN = Terms(
    " Managed   services ", "roll-forward", "keep-active", 250_000, "JPY", "net_plus_mark_up", Decimal("12.5"), Decimal(10), True, True
)  # fmt: skip


def set_up(terms: Terms) -> Programme:
    with viewing(as_operator()) as olga:
        assert olga.organisation_id is not None
        return create_programme(terms, seller_id=olga.organisation_id, by=olga)


def test_a_programme_is_what_was_asked_for() -> None:
    programme = set_up(JAPAN)
    with viewing(as_operator()):
        kept = db.session.scalars(select(Programme)).one()
        assert kept.name == "Managed services" and kept.review_threshold is not None
        assert str(kept.review_threshold) == "250000 JPY"
        assert (kept.cut_off, kept.remuneration, kept.remuneration_percent) == (
            "roll-forward",
            "net_plus_mark_up",
            Decimal("12.5"),
        )
        assert kept.viewing_takes_all_three and kept.allows_block and kept.version == 1
    with acting_for_all("a test looks"):
        (event,) = history.events_of("programme", programme.id)
        assert event.event == "programme_created" and '"remuneration_percent":"12.5"' in event.facts
        assert list(history.verify("programme", programme.id)) == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 121}),
        ("cut_off", {"cut_off": "whenever"}),
        ("completion_outcome", {"completion_outcome": ""}),
        ("review_threshold", {"review_threshold_minor": -1}),
        ("currency", {"currency": "DEM"}),
        ("currency", {"currency": "XXX"}),
        ("currency", {"currency": ""}),
        ("remuneration", {"remuneration": "none"}),
        ("remuneration_percent", {"remuneration_percent": Decimal(0)}),
        ("remuneration_percent", {"remuneration_percent": Decimal("100.0001")}),
        ("remuneration_percent", {"remuneration_percent": Decimal("33.33333")}),
        ("remuneration_percent", {"remuneration": "net_plus_mark_up", "remuneration_percent": Decimal("1000.0001")}),
        ("tax_percent", {"tax_percent": Decimal("100.0001")}),
        ("tax_percent", {"tax_percent": Decimal("7.00001")}),
    ],
)
def test_terms_that_make_no_sense(field: str, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        set_up(replace(DEFAULT, **wrong))  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize(
    "fine",
    [
        {"remuneration_percent": Decimal(100)},
        {"remuneration_percent": Decimal("0.0001")},
        {"remuneration": "net_plus_mark_up", "remuneration_percent": Decimal(0)},
        {"remuneration": "net_plus_mark_up", "remuneration_percent": Decimal(1000)},
        {"tax_percent": Decimal(100)},
        {"review_threshold_minor": 0},
        {"name": "x" * 120},
    ],
)
def test_terms_at_their_edges(fine: dict[str, object]) -> None:
    terms = replace(DEFAULT, **fine)  # type: ignore[arg-type]
    check_terms(terms.name, terms)


def test_a_name_is_taken_once() -> None:
    set_up(DEFAULT)
    with pytest.raises(Refused, match="of this name"):
        set_up(replace(DEFAULT, name=f"  {DEFAULT.name} "))


def test_it_takes_the_role() -> None:
    seller = make_organisation("Seller")
    for viewer in (as_operator(None, OPERATOR_ADMIN), as_partner(make_organisation())):
        with viewing(viewer), pytest.raises(MissingRole):
            create_programme(DEFAULT, seller_id=seller.id, by=viewer)


def test_currencies_are_those_in_use() -> None:
    assert {"USD", "EUR", "JPY", "KWD", "CHF"} <= currencies()
    assert not {"DEM", "XXX", "XTS", "ITL"} & currencies()
