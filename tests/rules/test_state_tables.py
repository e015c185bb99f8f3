"""The diagrams in the packages' docstrings are the tables, arrow by arrow."""

import re
from types import ModuleType

import pytest

import app.billing
import app.billing.states
import app.catalog
import app.catalog.states
import app.engagements
import app.engagements.states
import app.members
import app.members.states
import app.months
import app.months.states
import app.operations
import app.operations.states
from app.foundation import transitions


def arrows(text: str) -> set[tuple[str, ...]]:
    return set(re.findall(r"^(\w+) +--(\w+)-+> +(\w+)$", text, re.M))


@pytest.mark.parametrize(
    "room",
    [app.billing, app.catalog, app.engagements, app.members, app.months, app.operations],
    ids=lambda room: room.__name__,
)
def test_the_docstring_shows_the_table(room: ModuleType) -> None:
    assert arrows(room.__doc__ or "") == arrows(transitions.diagram(room.states.TRANSITIONS))


def test_an_engagement_ends_where_nothing_leaves() -> None:
    final = set(transitions.final_states(app.engagements.states.TRANSITIONS))
    assert final == set(app.engagements.states.PAST) - {app.engagements.states.COMPLETE}
