"""Which engagements a search can mean, so that its list is read along what tells more.

A word that few have leads to those few: by the index of search_index.py, and by the clients and products that have it in their
names. A word that many have is soon met along the list itself. few_with() asks of the words which they are. It gives ids and
nothing else, read past the tenancy listener but in the viewer's own book; the list they lead to is filtered like any other, and
compares every word again.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakSet

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Engine,
    Integer,
    Select,
    String,
    Uuid,
    bindparam,
    case,
    column,
    func,
    literal,
    literal_column,
    null,
    select,
    table,
    true,
    union,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.engagements.search_index import LETTERS, NAME, PLACE_BITS, exists
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.id_list import ids_as_text, leading
from app.foundation.text import folded
from app.foundation.unseen import unseen
from app.foundation.words_within import holds

#: what every engagement's number begins with, folded
EVERY_NUMBER = "eng-"
#: of a search; what follows is left out
MOST_WORDS = 8
#: Of more than these a list of a million has one in some hundred rows, and a page is found along it.
FEW = 1000
#: Before anything else it is asked whether so many of the newest rows have the word often enough for a page: it is the cheapest
#: question, and PostgreSQL's index reads everything it has for the word before it gives the first.
NEWEST, PAGE = 500, 51

_BOOKS = {"operator": "seller_id", "partner": "partner_id", "customer": "customer_id"}
_IDS = ("id", "seller_id", "partner_id", "customer_id", "product_id")
_engagement = table(
    "engagement",
    *(column(name, Uuid()) for name in _IDS),
    column("search_text", String()),
    column("requested_at"),
    column("state"),
)
#: what follows in the index that leads from a client or a product to the engagements of a book
_IN_ORDER = {
    ("customer_id", "seller_id"): ("requested_at", "id"),
    ("customer_id", "partner_id"): ("requested_at", "id"),
    ("customer_id", "customer_id"): ("requested_at", "id"),
    ("product_id", "seller_id"): ("partner_id", "state", "requested_at", "id"),
    ("product_id", "partner_id"): ("state", "requested_at", "id"),
    ("product_id", "customer_id"): ("requested_at", "id"),
}
_index = table(NAME, column("rowid", Integer()), column(NAME, String()))
_book = table(f"{NAME}_book", column("number", Integer()), column("owner_id", Uuid()))
_place = table(f"{NAME}_place", column("place", Integer()), column("row_id", Uuid()))
#: engines whose database is known to have the index
_indexed: WeakSet[Engine] = WeakSet()


class Shape(NamedTuple):
    """All that decides how the statement of a search is built; the words themselves are its parameters."""

    #: of each word: whether it is long enough for the index
    telling: tuple[bool, ...] = ()
    #: the column of the viewer's book; empty: whose search no index serves
    book: str = ""
    sqlite: bool = True


class Word(NamedTuple):
    """A word's places in a statement."""

    #: as its text index is asked
    sought: ColumnElement[str]
    word: ColumnElement[str]

    def within(self, column: Any) -> ColumnElement[bool]:
        return holds(column, self.word)

    def within_name(self, column: Any) -> ColumnElement[bool]:
        return _name_has_word(column, self.word)


class Named(NamedTuple):
    """The ids of those that have a word in their names: read once, wherever a statement asks for them."""

    clients: CTE
    products: CTE


class _name_has_word(FunctionElement[bool]):
    """As holds(), of a client or a product: PostgreSQL expects few, and looks up only for those whether they are shown."""

    name = "name_has_word"
    type = Boolean()
    inherit_cache = True


@compiles(_name_has_word)
def _as_ever(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(holds(*element.clauses), **options))


@compiles(_name_has_word, "postgresql")
def _of_names_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST({_as_ever(element, compiler, **options)} AS INTEGER) = 1"


def words_of(search: str) -> list[str]:
    return folded(search).split()[:MOST_WORDS]


def shape_of(words: Sequence[str]) -> Shape:
    bind = db.session.get_bind()
    sqlite = bind.dialect.name == "sqlite"
    if not words:
        return Shape(sqlite=sqlite)
    viewer = tenancy.current()
    book = _BOOKS.get(viewer.capacity, "") if viewer.organisation_id is not None and _has_index(bind) else ""
    return Shape(tuple(len(word) >= LETTERS and "\0" not in word for word in words), book, sqlite)


def values_of(words: Sequence[str], shape: Shape) -> dict[str, str]:
    """The parameters of a statement built with places_of()."""
    found: dict[str, str] = {}
    for nr, word in enumerate(words):
        sought = _telling(word)
        quoted = '"' + sought.replace('"', '""') + '"' if shape.sqlite else sought
        found |= {f"sought_{nr}": quoted, f"word_{nr}": word}
    return found


def _telling(word: str) -> str:
    """What of a word is looked up; all of it is compared afterwards. Letters that every number begins with are in every row:
    an index reads all of them to tell nothing."""
    rest = word.removeprefix(EVERY_NUMBER)
    return rest if len(rest) >= LETTERS else word


def places_of(shape: Shape, values: dict[str, str] | None = None) -> list[Word]:
    """`values`: those of a statement that is asked once and holds them itself."""
    return [
        Word(*(bindparam(f"{name}_{nr}", (values or {}).get(f"{name}_{nr}"), String()) for name in Word._fields))
        for nr in range(len(shape.telling))
    ]


def few_with(
    places: Sequence[Word], named: Sequence[Named], shape: Shape, *, unless_newest: bool = True
) -> Select[Any] | None:
    """One text: the ids of every engagement of the viewer's that can have all of the words, and maybe of some more, as a
    JSON list. NULL: each of the words is one that many have. None: none of them can be looked up. `unless_newest`: the newest
    are asked first whether many of them have a word."""
    telling = [(word, its) for word, its, tells in zip(places, named, shape.telling, strict=True) if tells]
    if not telling or not shape.book:
        return None
    ids = [_ids_with(word, its, shape, unless_newest) for word, its in telling]
    return select((func.coalesce(*ids) if len(ids) > 1 else ids[0]).label("ids"))


def _has_index(bind: Any) -> bool:
    if bind not in _indexed and exists(db.session.connection()):
        _indexed.add(bind)
    return bind in _indexed


def _ids_with(word: Word, named: Named, shape: Shape, unless_newest: bool) -> ColumnElement[Any]:
    """The word's engagements, or NULL when many have it. No part is asked for more than it takes to know that."""
    parts = [some.limit(_written(FEW + 1)).subquery() for some in (_by_text(word, shape), *_by_names(named, shape))]
    every = union(*(select(part.c.id) for part in parts)).subquery()
    few = select(case((func.count() <= FEW, ids_as_text(every.c.id)))).select_from(every).scalar_subquery()
    return case((_fills_a_page(word, shape), null()), else_=few) if unless_newest else few


def _mine() -> Any:
    return tenancy.viewer_organisation()


def _written(number: int) -> Any:
    """A number of our own, written out."""
    return literal_column(str(number), Integer())


def _of_book(rows: int, shape: Shape) -> Any:
    """A bound of the viewer's own rows. An average client has fewer, and PostgreSQL would read and sort all of one that has thousands."""
    return unseen(rows) if shape.book == "customer_id" else _written(rows)


def _by_text(word: Word, shape: Shape) -> Select[Any]:
    if not shape.sqlite:
        return select(func.engagement_search_hits(_mine(), word.sought, _written(FEW + 1)).column_valued("id"))
    number = select(_book.c.number).where(_book.c.owner_id == _mine()).scalar_subquery()
    first, places = number.op("<<")(_written(PLACE_BITS)), _written(1 << PLACE_BITS)
    return (
        select(_place.c.row_id.label("id"))
        .select_from(leading(_index, _place, _place.c.place == _index.c.rowid.op("&")(places - 1)))
        .where(_index.c[NAME].op("MATCH")(word.sought), _index.c.rowid > first, _index.c.rowid < first + places)
    )


def _by_names(names: Named, shape: Shape) -> Iterator[Select[Any]]:
    """Clients and products are few and looked through; each leads to its own engagements along an index that begins with it."""
    for named, key in ((names.clients, "customer_id"), (names.products, "product_id")):
        here = _engagement.c[key] == named.c.id
        # the operator's book is everybody's: an index that begins with it would tell nothing
        mine = [] if shape.book == "seller_id" else [_engagement.c[shape.book] == _mine()]
        if shape.sqlite:
            found = select(_engagement.c.id).select_from(leading(named, _engagement, here)).where(*mine)
        else:
            # in the index's order: else PostgreSQL, which expects some, would look for them in the whole table
            order = (_engagement.c[column] for column in _IN_ORDER[key, shape.book])
            some = (
                select(_engagement.c.id).where(here, *mine).order_by(*order).limit(_of_book(FEW + 1, shape)).lateral()
            )
            found = select(some.c.id).select_from(named.join(some, true()))
        yield found


def _fills_a_page(word: Word, shape: Shape) -> ColumnElement[bool]:
    newest = (
        select(_engagement.c.search_text)
        .where(_engagement.c[shape.book] == _mine())
        .order_by(_engagement.c.requested_at.desc(), _engagement.c.id.desc())
        .limit(_of_book(NEWEST, shape))
        .subquery()
    )
    some = select(literal(1)).where(word.within(newest.c.search_text)).limit(_written(PAGE)).subquery()
    return select(func.count()).select_from(some).scalar_subquery() == PAGE
