"""Tenancy: who is looking, and what the database shows them.

A viewer is set once per request or job. A session listener adds the viewer's criterion to every ORM select, update and
delete, unconditionally. Each model says in `visible_to` who sees its rows. No viewer: an exception, never everything.
Core statements on `__table__` bypass the listener and are allowed in named bulk modules only (a test holds the list).
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    ForeignKey,
    Uuid,
    and_,
    event,
    false,
    select,
    true,
)
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.orm.interfaces import CriteriaOption
from sqlalchemy.sql.visitors import InternalTraversal

from app.foundation.capacity import Capacity
from app.foundation.database import Base, db
from app.foundation.refusals import MissingRole, NotVisible
from app.foundation.unseen import Unseen

Model = TypeVar("Model")
Statement = TypeVar("Statement")


@dataclass(frozen=True)
class Viewer:
    """Who looks and acts: a member in one organisation in one capacity, the system for a reason, or the public."""

    capacity: Capacity
    organisation_id: uuid.UUID | None = None
    organisation_name: str = ""
    member_id: uuid.UUID | None = None
    member_name: str = ""
    permissions: frozenset[str] = frozenset()
    #: IANA zone for display only; every deadline is decided in UTC or in its policy's zone
    zone: str = "UTC"
    #: whether test engagements and their entries are shown; off outside the testing screens
    sees_tests: bool = False
    #: the system's reason, greppable in logs
    reason: str = field(default="", compare=False)

    def may(self, permission: str) -> bool:
        return self.capacity == "system" or permission in self.permissions

    def must(self, permission: str) -> None:
        if not self.may(permission):
            raise MissingRole(permission)

    @property
    def label(self) -> str:
        """How History names this actor, within the 200 characters that rows keep of it."""
        if self.capacity == "system":
            return "system"
        named = f"{self.member_name}, {self.organisation_name}"
        return named if len(named) <= 200 else f"{named[:199]}…"


PUBLIC = Viewer("public")


def system(reason: str) -> Viewer:
    return Viewer("system", reason=reason)


class NoViewer(RuntimeError):
    """A query ran before anybody said who is looking."""


_viewer: ContextVar[Viewer | None] = ContextVar("viewer", default=None)


def current() -> Viewer:
    viewer = _viewer.get()
    if viewer is None:
        raise NoViewer("no viewer is set: use viewing(viewer) or acting_for_all(reason)")
    return viewer


@contextmanager
def viewing(viewer: Viewer) -> Iterator[Viewer]:
    token = _viewer.set(viewer)
    try:
        yield viewer
    finally:
        _viewer.reset(token)


@contextmanager
def acting_for_all(reason: str, *, organisation_id: uuid.UUID | None = None) -> Iterator[Viewer]:
    """See every tenant's rows, for a reason that stands in the code. Every use can be found by this name.

    `organisation_id`: the viewer's, for a statement that says by `visible_to` itself of which table it shows only theirs.
    """
    with viewing(replace(system(reason), organisation_id=organisation_id)) as viewer:
        yield viewer


def set_viewer(viewer: Viewer | None) -> None:
    """For the web's request hooks, where a with-block cannot span the request."""
    _viewer.set(viewer)


def viewer_organisation() -> BindParameter[uuid.UUID]:
    """The viewer's organisation as a parameter read at execution, so that statements stay cached across viewers."""
    return Unseen(None, type_=_ID, unique=True, callable_=_organisation_id)


#: one type and one function for all of them: a statement has its value once (kept_statements.py)
_ID = Uuid()


def _organisation_id() -> uuid.UUID | None:
    return current().organisation_id


class Tenanted:
    """A model whose rows are not for everybody. The default shows them to the system alone."""

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The criterion for a viewer in this capacity; never asked for the system, which sees all."""
        return false()

    @classmethod
    def without_tests(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The same, less the rows of end-to-end tests."""
        return cls.visible_to(capacity)


class ForEverybody(Tenanted):
    """Rows that any viewer may read, the public included."""

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return true()


class OfParties(Tenanted):
    """A business row: it names its seller, its partner and its customer, and only these three see it."""

    #: who sells to the customer: the operator here; the partner itself in reselling and support
    seller_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: who delivers
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: who receives and pays
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: end-to-end testing before publication: outside every list, total, statement and export
    is_test: Mapped[bool] = mapped_column(Boolean, default=False)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        column = {"operator": cls.seller_id, "partner": cls.partner_id, "customer": cls.customer_id}.get(capacity)
        return false() if column is None else column == viewer_organisation()

    @classmethod
    def without_tests(cls, capacity: Capacity) -> ColumnElement[bool]:
        return and_(cls.visible_to(capacity), cls.is_test.is_(False))


# One lambda a capacity, written out: SQLAlchemy caches a criterion by its code, and calls it again for every alias.
_SHOWN: dict[tuple[Capacity, bool], Any] = {
    ("public", False): lambda model: model.visible_to("public"),
    ("operator", False): lambda model: model.without_tests("operator"),
    ("partner", False): lambda model: model.without_tests("partner"),
    ("customer", False): lambda model: model.without_tests("customer"),
    ("operator", True): lambda model: model.visible_to("operator"),
    ("partner", True): lambda model: model.visible_to("partner"),
    ("customer", True): lambda model: model.visible_to("customer"),
}


class Criteria(CriteriaOption):
    """What a capacity is shown of every table, as one option of a statement: sixty of them, a table each, would be walked through by
    each statement that is made, for a key that says no more than who looks. What depends on the viewer is asked at execution."""

    propagate_to_loaders = True
    _traverse_internals = [("name", InternalTraversal.dp_string)]

    def __init__(self, name: str, options: Sequence[Any]) -> None:
        #: tells it from the others: all of the statement's cache that it decides
        self.name = name
        self.options = tuple(options)

    def process_compile_state(self, compile_state: Any) -> None:
        for option in self.options:
            option.process_compile_state(compile_state)

    def process_compile_state_replaced_entities(self, compile_state: Any, mapper_entities: Any) -> None:
        for option in self.options:
            option.process_compile_state_replaced_entities(compile_state, mapper_entities)

    def get_global_criteria(self, attributes: Any) -> None:
        for option in self.options:
            option.get_global_criteria(attributes)


@cache
def _criteria(capacity: Capacity, sees_tests: bool) -> Criteria | None:
    models = [mapper.class_ for mapper in Base.registry.mappers]
    silent = [model.__name__ for model in models if not issubclass(model, Tenanted)]
    if silent:
        raise TypeError(f"{silent} do not say who may see them: derive them from Tenanted or ForEverybody")
    if capacity == "system":
        return None
    shown = _SHOWN[capacity, sees_tests]
    limited = (model for model in models if not issubclass(model, ForEverybody))
    return Criteria(
        f"{capacity}, {sees_tests}", [with_loader_criteria(model, shown, include_aliases=True) for model in limited]
    )


@event.listens_for(Session, "do_orm_execute")
def _show_only_what_is_visible(state: ORMExecuteState) -> None:
    current()  # no viewer: an exception, whatever is asked
    if state.is_column_load or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = shown(state.statement)


def shown(statement: Statement) -> Statement:
    """The statement with this viewer's criteria: the listener's doing, and that of who compiles a statement past it."""
    viewer = current()
    criteria = _criteria(viewer.capacity, viewer.sees_tests)
    return _with(statement, criteria) if criteria else statement


#: statement -> its forms with criteria. One that a module built once and asks again and again is adapted once as well.
_adapted: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def _with(statement: Any, criteria: Criteria) -> Any:
    forms = _adapted.setdefault(statement, {})
    found = forms.get(criteria.name)
    if found is None:
        found = forms[criteria.name] = statement.options(criteria)
    return found


@event.listens_for(Session, "before_flush")
def _stamp(session: Session, _context: Any, _instances: Any) -> None:
    """A new business row belongs to whoever makes it; making one for another tenant is an error in our code."""
    if not any(isinstance(row, OfParties) for row in session.new):
        return
    viewer = current()
    own = {"operator": "seller_id", "partner": "partner_id", "customer": "customer_id"}.get(viewer.capacity)
    for row in session.new:
        if not isinstance(row, OfParties) or viewer.capacity == "system":
            continue
        if own is None:
            raise PermissionError(f"the public makes no {type(row).__name__}")
        if getattr(row, own) is None:
            setattr(row, own, viewer.organisation_id)
        elif getattr(row, own) != viewer.organisation_id:
            raise PermissionError(f"{viewer.label} makes a {type(row).__name__} for another organisation")


def as_tester(viewer: Viewer) -> Viewer:
    """The same viewer where end-to-end tests are looked at: their own pages and the rating queue, never a list or a total."""
    return replace(viewer, sees_tests=True)


def as_usual(viewer: Viewer) -> Viewer:
    """The same viewer without tests: for what stands around a test's page and counts real rows."""
    return replace(viewer, sees_tests=False)


def one(model: type[Model], row_id: uuid.UUID, *, lock: bool = False) -> Model:
    """The row if this viewer may see it, else NotVisible (404), whether it exists or not.

    Always asks the database: Session.get would answer from memory, past the listener. `lock`: until the transaction
    ends nobody else writes the row, and what it holds is read afresh.
    """
    statement = select(model).where(model.id == row_id)  # type: ignore[attr-defined]
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.session.scalar(statement)
    if row is None:
        raise NotVisible
    return row
