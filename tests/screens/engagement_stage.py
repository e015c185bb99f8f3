"""Northbridge's service Data rescue with engagements of Acme and Globex in every state; Contrail has one of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.catalog.model import Product
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation.database import db
from tests.makers import make_engagement, make_product, make_programme
from tests.people import People

HTMX = {"HX-Request": "true"}
EVERY_STATE = (*states.CURRENT, *states.PAST)


@dataclass
class Stage:
    product: Product
    foreign: Engagement
    #: by state, of Acme
    engagements: dict[str, Engagement] = field(default_factory=dict)
    #: of Globex, active
    globex: Any = None
    #: Northbridge's, where a test wants one
    csp_customer: Any = None

    def path(self, state: str) -> str:
        return f"/engagements/{self.engagements[state].id}"


def set_stage(app: Flask, people: People, *only: str, **programme: Any) -> Stage:
    """Engagements in the states named, else in every one; `programme`: columns of the programme."""
    with app.app_context():
        rules = make_programme("Professional services", **programme)
        product = make_product(
            rules, people.northbridge, parameters=[{"key": "region", "label": "Region", "kind": "short_text"}]
        )
        other = make_product(rules, people.contrail, name="Cloud watch")
        stage = Stage(product, make_engagement(other, people.globex, name="Watch of Globex"))
        for state in only or EVERY_STATE:
            stage.engagements[state] = make_engagement(
                product, people.acme, state=state, name=f"Archive, {state}", region="Prague"
            )
        if not only:
            stage.globex = make_engagement(product, people.globex, name="Globex archive")
        db.session.remove()
    return stage


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What the database is asked inside the block."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.upper().startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK")):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
