"""What no page may ask of the database, whoever opens it: an OFFSET, a count without a bound, a row's relations one by one.

Walked like tests/screens/test_every_route.py, so that a new route is held by itself. Time is not measured here: what makes a
page slow with a million rows can be seen in its statements with ten.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, Subquery, event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement

from app.billing import charged_months
from app.foundation import kept_statements
from app.foundation.database import Base, db
from tests.screens.test_every_route import SIDE, World, address, calls, rules, world

__all__ = ["world"]

#: Blueprints and endpoints that add up or count all there is, and why they may.
WHOLE = {
    "months": "a month's checklist compares everything that was booked in it: that is what the page is for",
    "months_decisions": "the same, on the page that asks whether to close",
    "health": "a scrape is a machine's, once in a while, and its figures are watched",
    "testing": "a product has few end-to-end tests",
    "publish": "the same, on the checklist of what they have shown",
    "publication_reviews": "the same, before who publishes",
    "security": "a member has ten recovery codes",
    "organisations": "people of the fifty organisations on the page",
    "own_history": "a member's own sessions",
    "csp_dashboard": "customers by month: a partner has thousands of them, not millions, and no row of a document is counted",
}

#: Statements that do wherever they are asked, and why they may.
WHOLE_STATEMENTS = [
    (charged_months._CHARGED, "an engagement's months, each added up once for as many entries as it has"),
]


@contextmanager
def asked(app: Flask) -> Iterator[list[Any]]:
    """The statements as SQLAlchemy has them, and what was loaded for a row after the row itself."""
    seen: list[Any] = []

    def note(_connection: Any, clause: Any, *_rest: Any) -> None:
        seen.append(clause)

    def note_lazy(state: ORMExecuteState) -> None:
        if state.is_select and state.lazy_loaded_from is not None:
            seen.append(f"loads {state.lazy_loaded_from} later")

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_execute", note)
    event.listen(Session, "do_orm_execute", note_lazy)
    try:
        yield seen
    finally:
        event.remove(engine, "before_execute", note)
        event.remove(Session, "do_orm_execute", note_lazy)


@pytest.mark.parametrize("person", ["ada", "dot", "olga"])
def test_no_page_skips_rows_or_counts_without_end(migrated_app: Flask, world: World, person: str) -> None:
    wrong = []
    kept_statements._kept.clear()  # those of pages as they open, whatever ran before
    for rule in rules(migrated_app):
        if "GET" not in calls(rule):
            continue
        path = address(rule, world.own[SIDE[person]])
        with asked(migrated_app) as seen:
            world.clients[person].get(path)
        for clause in seen:
            wrong += [(rule.endpoint, path, why) for why in faults(clause, rule.endpoint)]
    assert wrong == []
    assert [text for text in kept_on_sqlite() if planned_each_time(text)] == [], (
        "write the words out: one_of(column, words)"
    )


def kept_on_sqlite() -> list[str]:
    return [
        kept.text
        for forms in kept_statements._kept.values()
        for dialect, kept in forms.items()
        if dialect.name == "sqlite" and not kept.grows
    ]


def planned_each_time(text: str) -> bool:
    """SQLite plans such a statement anew whenever it is given values: whether a partial index fits depends on the value that
    stands in the place of its own, and how a pattern is looked for on the pattern. Of a long one that is most of its time."""
    return " LIKE ?" in text or any(re.search(condition, text) for condition in open_conditions())


@cache
def open_conditions() -> tuple[str, ...]:
    """The conditions of partial indexes, with parameters in the places of their words."""
    return tuple(
        rf"\b{table.name}\.{column} {'(!=|<>)' if how in ('!=', '<>') else re.escape(how)} {re.sub(VALUE, '[?]', re.escape(words))}"
        for table in Base.metadata.tables.values()
        for index in table.indexes
        for column, how, words in re.findall(WORDS, str(index.dialect_options["sqlite"]["where"]))
    )


VALUE = r"(?:'[^']*'|\b\d+\b)"
WORDS = rf"(\w+) (=|!=|<>|>|<|IN) ({VALUE}|\({VALUE}(?:, {VALUE})*\))"


def faults(clause: Any, endpoint: str) -> list[str]:
    if isinstance(clause, str):
        return [clause] if clause.startswith("loads") else []
    selects = [found for found in visitors.iterate(clause) if isinstance(found, Select)]
    skips = [f"OFFSET: {found}" for found in selects if found._offset_clause is not None]
    if (
        endpoint in WHOLE
        or endpoint.partition(".")[0] in WHOLE
        or _columns(clause) in [_columns(each) for each, _why in WHOLE_STATEMENTS]
    ):
        return skips
    return skips + [f"count without a bound: {found}" for found in selects if _counts(found) and not _bounded(found)]


def _columns(clause: Any) -> list[int]:
    """What stays when the criteria of who looks are added to a statement."""
    return [id(column) for column in getattr(clause, "_raw_columns", ())]


def _counts(found: Select[Any]) -> bool:
    """Whether the select itself counts; one inside of it answers for itself."""
    waiting = list(found._raw_columns)
    while waiting:
        part: Any = waiting.pop()
        if isinstance(part, FunctionElement) and part.name == "count":
            return True
        if not isinstance(part, Select | Subquery) and type(part).__name__ != "ScalarSelect":
            waiting += part.get_children()
    return False


def _bounded(found: Select[Any]) -> bool:
    return all(isinstance(part, Subquery) and _ends(part) for part in found.get_final_froms())


def _ends(part: Subquery) -> bool:
    inside: Any = part.element
    return inside._limit_clause is not None or all(
        isinstance(each, Subquery) and _ends(each)
        for select in getattr(inside, "selects", [inside])
        for each in select.get_final_froms()
    )


def test_no_relation_loads_itself() -> None:
    """A page of fifty rows asks one statement because nothing it touches asks another."""
    loads = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.lazy not in ("raise", "raise_on_sql")
    ]
    assert loads == [], 'write relationship(lazy="raise") and say in the query what is to be loaded'


def test_the_gate_itself_sees_faults() -> None:
    from sqlalchemy import func, select

    from app.engagements.model import Engagement

    few = select(Engagement.id).limit(5).subquery()
    assert not faults(select(func.count()).select_from(few), "home")
    assert not faults(select(select(func.count()).select_from(few).scalar_subquery()), "home")
    assert faults(select(func.count(Engagement.id)), "home")
    assert faults(select(select(func.count(Engagement.id)).scalar_subquery()), "home")
    assert faults(select(Engagement.id).offset(20), "home")
    assert planned_each_time("SELECT month_reopening.id FROM month_reopening WHERE month_reopening.state = ?")
    assert planned_each_time("SELECT engagement.id FROM engagement WHERE engagement.search_text LIKE ? ESCAPE '/'")
    assert not planned_each_time("SELECT engagement.id FROM engagement WHERE engagement.id = ?")
