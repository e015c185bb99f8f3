"""Which engagements a search can mean, found before the list is read, so that it is read along what tells more.

A word that few have leads to those few: by the index of search_index.py, and by the clients and products that have it in their
names. A word that many have is soon met along the list itself. One statement asks of every word which it is. It gives ids and
nothing else, read past the tenancy listener but in the viewer's own book; the list they lead to is filtered like any other, and
compares every word again.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    String,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    null,
    select,
    table,
    union,
)

from app.engagements.search_index import LETTERS, NAME, PLACE_BITS, exists
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.id_list import leading

#: Of more than these a list of a million has one in some hundred rows, and a page is found along it.
FEW = 1000
#: PostgreSQL's index gives everything it has: whether the newest rows have the word often enough for a page is asked before.
NEWEST, PAGE = 3000, 51

_BOOKS = {"operator": "seller_id", "partner": "partner_id", "customer": "customer_id"}
_IDS = ("id", "seller_id", "partner_id", "customer_id", "product_id")
_engagement = table(
    "engagement", *(column(name, Uuid()) for name in _IDS), column("search_text", String()), column("requested_at")
)
_named = {
    name: table(name, column("id", Uuid()), column("search_name", String())) for name in ("organisation", "product")
}
_index = table(NAME, column("rowid"), column(NAME))
_book = table(f"{NAME}_book", column("number"), column("owner_id", Uuid()))
_place = table(f"{NAME}_place", column("place"), column("row_id", Uuid()))
#: engines whose database is known to have the index
_indexed: WeakSet[Engine] = WeakSet()


def few_with(words: Sequence[str]) -> str | None:
    """Every engagement of the viewer's that can have all of the words, as id_list.spelled() writes ids, and maybe some more.

    None: each of the words is one that many have, or of a letter or two, or there is no index.
    """
    viewer = tenancy.current()
    book = _BOOKS.get(viewer.capacity)
    telling = [word for word in words if len(word) >= LETTERS and "\0" not in word]
    if not telling or book is None or viewer.organisation_id is None or not _has_index():
        return None
    asked = select(*(_ids_with(word, book).label(f"word_{nr}") for nr, word in enumerate(telling)))
    found = db.session.execute(asked, {"book_of": viewer.organisation_id}).one()
    return min((ids for ids in found if ids is not None), key=len, default=None)


def _has_index() -> bool:
    bind: Any = db.session.get_bind()
    if bind not in _indexed and exists(db.session.connection()):
        _indexed.add(bind)
    return bind in _indexed


def _on_sqlite() -> bool:
    return db.session.get_bind().dialect.name == "sqlite"


def _ids_with(word: str, book: str) -> ColumnElement[str | None]:
    """The word's engagements, or NULL when there are more than FEW. No part is asked for more than it takes to know that."""
    parts = [some.limit(FEW + 1).subquery() for some in (_by_text(word), *_by_names(word, book))]
    every = union(*(select(part.c.id) for part in parts)).subquery()
    if _on_sqlite():
        ids: Any = func.json_group_array(every.c.id)
    else:
        ids = func.coalesce(cast(func.json_agg(every.c.id), String), "[]")
    few = select(case((func.count() <= FEW, ids))).select_from(every).scalar_subquery()
    return few if _on_sqlite() else case((_fills_a_page(word, book), null()), else_=few)


def _mine() -> Any:
    return bindparam("book_of", type_=Uuid())


def _by_text(word: str) -> Select[Any]:
    if not _on_sqlite():
        hits = func.engagement_search_hits(_mine(), word, FEW + 1).column_valued("id")
        return select(hits)
    number = select(_book.c.number).where(_book.c.owner_id == _mine()).scalar_subquery()
    first = number.op("<<")(PLACE_BITS)
    quoted = '"' + word.replace('"', '""') + '"'
    return (
        select(_place.c.row_id.label("id"))
        .select_from(leading(_index, _place, _place.c.place == _index.c.rowid.op("&")((1 << PLACE_BITS) - 1)))
        .where(_index.c[NAME].op("MATCH")(quoted), _index.c.rowid > first, _index.c.rowid < first + (1 << PLACE_BITS))
    )


def _by_names(word: str, book: str) -> Iterator[Select[Any]]:
    """Clients and products are few and looked through; each leads to its own engagements along an index that begins with both."""
    for name, key in (("organisation", _engagement.c.customer_id), ("product", _engagement.c.product_id)):
        named = _named[name]
        found = select(_engagement.c.id).select_from(leading(named, _engagement, key == named.c.id))
        found = found.where(named.c.search_name.contains(word, autoescape=True))
        # the operator's book is everybody's: an index that begins with it would tell nothing
        yield found if book == "seller_id" else found.where(_engagement.c[book] == _mine())


def _fills_a_page(word: str, book: str) -> ColumnElement[bool]:
    newest = (
        select(_engagement.c.search_text)
        .where(_engagement.c[book] == _mine())
        .order_by(_engagement.c.requested_at.desc(), _engagement.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    some = select(literal(1)).where(newest.c.search_text.contains(word, autoescape=True)).limit(PAGE).subquery()
    return select(func.count()).select_from(some).scalar_subquery() == PAGE
