"""Saved views: a member's own bookmarks of lists, each a list's address with its filters and order, under a name.

Per member, organisation and list; at most 30 a list. A view keeps what the address says, not what it showed: months move,
names change, and a filter that no list knows any more is ignored. No history is written: nobody else sees or misses it.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ForeignKey,
    String,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    false,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, Row, db, transaction
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Capacity, Tenanted, Viewer, current, one, viewer_organisation
from app.foundation.text import N_

MOST_A_LIST = 30
LONGEST_NAME = 60
LONGEST_PATH = 200
LONGEST_QUERY = 1000
#: where in a list somebody was, which is no part of a view
_PLACE = {"after", "before"}


class SavedView(Row, Tenanted, Base):
    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("member_id", "organisation_id", "path", "name"),)

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: the list: /engagements
    path: Mapped[str] = mapped_column(String(LONGEST_PATH))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    #: search=acme&status=active; empty: the list as it is
    query: Mapped[str] = mapped_column(String(LONGEST_QUERY), default="")
    saved_at: Mapped[datetime] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The member's own, in the organisation acted for."""
        if capacity == "public":
            return false()
        return and_(cls.organisation_id == viewer_organisation(), cls.member_id == _viewer_member())

    @property
    def address(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def _viewer_member() -> BindParameter[uuid.UUID]:
    return bindparam(None, type_=Uuid(), unique=True, callable_=lambda: current().member_id)


def without_place(query: str) -> str:
    """The query of a list's address, less the page that was shown; '' for one that is too long to keep."""
    pairs = parse_qsl(query[: LONGEST_QUERY * 4], keep_blank_values=False)
    written = urlencode([(name, value) for name, value in pairs if name and name not in _PLACE])
    return written if len(written) <= LONGEST_QUERY else ""


def views_of(path: str | None = None) -> Sequence[SavedView]:
    """The member's own views by name, of one list or of all."""
    found = select(SavedView).order_by(SavedView.path, SavedView.name)
    if path is not None:
        found = found.where(SavedView.path == path)
    return db.session.scalars(found.limit(1000)).all()


def save_view(path: str, query: str, *, name: str, by: Viewer) -> SavedView:
    """Keep the list's address under a name. Refuses a name that this list has already, and the 31st view of a list.

    That `path` is a list of this portal is the caller's to know.
    """
    if by.member_id is None or by.organisation_id is None:
        raise NotVisible
    name = _checked(name)
    if len(path) > LONGEST_PATH:
        raise Refused("name", N_("This list's address is too long to be kept."))
    try:
        with transaction() as session, session.begin_nested():
            there = [view.name for view in views_of(path)]
            if len(there) >= MOST_A_LIST:
                raise Refused("name", N_("A list keeps %(most)s views; delete one first."), most=MOST_A_LIST)
            if name in there:
                raise _taken()
            view = SavedView(
                member_id=by.member_id,
                organisation_id=by.organisation_id,
                path=path,
                name=name,
                query=without_place(query),
                saved_at=clock.now(),
            )
            session.add(view)
            session.flush()
            return view
    except IntegrityError as clash:  # the same name from another tab in the same moment
        raise _taken() from clash


def rename_view(view_id: uuid.UUID, *, name: str, by: Viewer) -> SavedView:
    """Another name for the member's own view; NotVisible for others'."""
    name = _checked(name)
    try:
        with transaction() as session, session.begin_nested():
            view = one(SavedView, view_id, lock=True)
            if name != view.name and name in [other.name for other in views_of(view.path)]:
                raise _taken()
            view.name = name
            session.flush()
            return view
    except IntegrityError as clash:
        raise _taken() from clash


def delete_view(view_id: uuid.UUID, *, by: Viewer) -> SavedView:
    """Forget the member's own view; NotVisible for others'."""
    with transaction() as session:
        view = one(SavedView, view_id, lock=True)
        session.delete(view)
        session.flush()
    return view


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused("name", N_("Give the view a name."))
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("name", N_("Keep the name to %(most)s printable characters."), most=LONGEST_NAME)
    return name


def _taken() -> Refused:
    return Refused("name", N_("This list has a view of that name already."))
