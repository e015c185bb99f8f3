"""The index finds what a comparison of every text finds, whatever stands in names, whatever is typed and whoever wrote it."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from app.engagements import queries, search_index, searching
from app.engagements.model import Engagement
from app.foundation import id_list, pages
from app.foundation.database import db, transaction
from app.foundation.pages import page_of
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    make_engagement,
    make_organisation,
    make_product,
    make_programme,
)

#: what a database, FTS5 or LIKE might read as something else, and letters that fold into others or lie beyond 16 bits
ODD = (
    "%", "_", "/", "\\", '"', "'", "*", "-", "(", "NOT ", " AND ", ":", "\0", "🙂", "👩‍💻", "İ", "ß", "Łódź", "ﬁ", "é", "e\u0301",
    "中文字", "Ω", "\u200d", "\ue000", "ſ", "K",
)  # fmt: skip
KNOWN = ("backup", "mill", "a", "ab", "abc", " ", "100%", "eng-", "x_y", "textiles", "watch")
LETTERS = st.characters(exclude_categories=("Cs", "Cc"))
TEXTS = st.lists(st.sampled_from((*ODD, *KNOWN)) | st.text(LETTERS, max_size=4), min_size=1, max_size=5).map("".join)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def stage(app: Flask) -> Iterator[dict[str, Any]]:
    with app.app_context():
        programme = make_programme()
        partner, other = make_organisation("Northbridge", partner=True), make_organisation("Contrail", partner=True)
        clients = [make_organisation(name, customer=True) for name in ("Łódź Textiles", "Acme Mill")]
        watch = make_product(programme, partner, name="Cloud watch")
        rescue = make_product(programme, partner, name="Mill rescue")
        foreign = make_product(programme, other, name="Backup of tills")
        rows = [
            make_engagement(product, clients[nr % 2], name="x")
            for nr, product in enumerate((watch, rescue, foreign) * 2)
        ]
        yield {
            "rows": [row.id for row in rows],
            "viewers": [as_partner(partner), as_partner(other), *map(as_customer, clients), as_operator()],
            "client": clients[0].id,
        }  # fmt: skip
        db.session.remove()


def by_the_index(search: str) -> set[uuid.UUID]:
    return {row.id for row in page_of(queries.engagements(search=search), queries.LIST_KEYS).rows}


def by_kept_statements(search: str) -> set[uuid.UUID]:
    found, values = queries.engagements_asked(search=search)
    return {row.id for row in page_of(found, queries.LIST_KEYS, values=values).rows}


def by_comparison(search: str) -> set[uuid.UUID]:
    """Along the list, and in Python."""
    along = {row.id for row in db.session.execute(queries.engagements(search=search))}
    words = searching.words_of(search)
    names = select(Engagement.id, Engagement.search_text, queries.Customer.search_name, queries.Product.search_name)
    names = names.join(queries.Customer, queries.Customer.id == Engagement.customer_id)
    rows = db.session.execute(names.join(queries.Product, queries.Product.id == Engagement.product_id)).all()
    if "\0" not in search:  # both databases end a text there
        assert along == {row[0] for row in rows if all(any(word in part for part in row[1:]) for word in words)}
    return along


def assert_all_agree(search: str, viewers: list[Viewer]) -> None:
    for viewer in viewers:
        with viewing(viewer):
            expected = by_comparison(search)
            assert by_the_index(search) == expected == by_kept_statements(search), (search, viewer.capacity)


def rename(ids: list[uuid.UUID], names: list[str]) -> None:
    with acting_for_all("a test renames"), transaction():
        for row_id, name in zip(ids, names, strict=False):
            one(Engagement, row_id).name = name.replace("\0", "")[:120]


@MANY
@given(names=st.lists(TEXTS, min_size=6, max_size=6), typed=TEXTS, place=st.integers(0, 5), at=st.integers(0, 40))
@example(names=["Tills 100%"] * 6, typed="100%", place=0, at=0)
@example(names=['say "backup" twice'] * 6, typed='"backup"', place=0, at=0)
def test_it_finds_what_a_comparison_finds(
    stage: dict[str, Any], names: list[str], typed: str, place: int, at: int
) -> None:
    rename(stage["rows"], names)
    name = names[place]
    for search in (typed, name, name[at : at + 5], f"{name[:4]} {typed[-3:]}"):
        if (
            db.engine.dialect.name == "sqlite" or "\0" not in search
        ):  # PostgreSQL takes none, and the web lets none through
            assert_all_agree(search, stage["viewers"])


@pytest.mark.parametrize("few", [0, 1, 3])
def test_of_many_as_of_few(stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Where the few end decides how the list is read, not what it holds."""
    rename(stage["rows"], ["Backup one", "Backup two", "Backup three", "Backup four", "Mill backup", "Till"])
    monkeypatch.setattr(searching, "FEW", few)
    for search in ("backup", "backup mill", "mill lodz", "till", "zebra", "one textiles", "eng- backup cloud"):
        assert_all_agree(search, stage["viewers"])


@pytest.mark.parametrize(("very_next", "following"), [(1, 2), (2, 3), (1, 500), (100, 500)])
def test_a_page_of_the_next_rows_is_that_of_the_list(
    stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch, very_next: int, following: int
) -> None:
    """Whether the next rows make up the page decides how it is read, not what it holds, from either end."""
    rename(stage["rows"], ["Backup one", "Till", "Backup three", "Backup four", "Mill backup", "Till"])
    monkeypatch.setattr(id_list, "VERY_NEXT", very_next)
    monkeypatch.setattr(id_list, "NEXT", following)
    monkeypatch.setattr(pages, "_built", WeakKeyDictionary())
    for viewer in stage["viewers"]:
        for search in ("backup", "backup mill", "lodz", "one", "zebra", "eng- backup cloud"):
            with viewing(viewer):
                listed = db.session.execute(queries.engagements(search=search).order_by(*queries.LIST_KEYS)).all()
                expected = [row.id for row in listed]
                assert _walked(search, oldest_first=True) == expected, (search, viewer.capacity)
                assert _walked(search, oldest_first=False) == expected[::-1], (search, viewer.capacity)


def _walked(search: str, *, oldest_first: bool) -> list[uuid.UUID]:
    """Page by page, of one row each."""
    found, values = queries.engagements_asked(search=search)
    ids: list[uuid.UUID] = []
    cursor = None
    while True:
        page = page_of(found, queries.LIST_KEYS, values=values, after=cursor, size=1, oldest_first=oldest_first)
        ids += [row.id for row in page.rows]
        cursor = page.next
        if cursor is None:
            return ids


def test_whoever_writes_keeps_it(stage: dict[str, Any]) -> None:
    """Bulk updates and inserts, statements typed by hand, a change of hands, a rollback."""
    viewers, (first, second, *_others) = stage["viewers"], stage["rows"]
    with acting_for_all("a test writes"), transaction() as session:
        session.execute(update(Engagement).where(Engagement.id == first).values(search_text="zebra one"))
        session.execute(text("UPDATE engagement SET search_text = 'zebra two' WHERE id <> :id"), {"id": _plain(first)})
    assert_all_agree("zebra", viewers)
    assert_all_agree("zebra two", viewers)
    with acting_for_all("a test writes"), transaction() as session:
        columns = [column for column in Engagement.__mapper__.columns if column.key not in ("id", "number")]
        row = session.execute(select(*columns).where(Engagement.id == second)).one()._mapping
        more = [{**row, "id": uuid.uuid4(), "number": f"BULK-{nr}", "search_text": f"giraffe {nr}"} for nr in range(20)]
        session.execute(insert(Engagement), more)
        session.execute(update(Engagement).where(Engagement.id == second).values(customer_id=stage["client"]))
    assert_all_agree("giraffe", viewers)
    assert_all_agree("zebra", viewers)
    with acting_for_all("a test looks"):
        assert len(by_the_index("giraffe")) == 20
    with acting_for_all("a test writes"), transaction() as session:
        session.execute(delete(Engagement).where(Engagement.id.in_([one["id"] for one in more[:7]])))
    with suppress(ZeroDivisionError), acting_for_all("a test fails"), transaction() as session:
        session.execute(update(Engagement).where(Engagement.id == first).values(search_text="okapi"))
        raise ZeroDivisionError
    for search in ("giraffe", "zebra", "okapi"):
        assert_all_agree(search, viewers)
    with viewing(viewers[-1]):
        assert len(by_the_index("giraffe")) == 13 and not by_the_index("okapi")


def test_what_does_not_touch_a_text_leaves_it_alone(stage: dict[str, Any]) -> None:
    """Approving, rating and counting versions write nothing into the index."""
    before = _index_rows()
    with acting_for_all("a test writes"), transaction() as session:
        session.execute(update(Engagement).values(version=Engagement.version + 1, reason="because"))
        session.execute(update(Engagement).values(search_text=Engagement.search_text))
    assert _index_rows() == before
    rename(stage["rows"][:1], ["Another name"])
    assert _index_rows() != before


def test_one_book_is_read_and_no_other(stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that everybody else has leads to nobody in this viewer's book."""
    rename(stage["rows"], ["Zebra"] * 6)
    partner = stage["viewers"][1]
    own = [stage["rows"][2], stage["rows"][5]]
    rename(own, ["Okapi"] * 2)
    monkeypatch.setattr(searching, "FEW", 3)
    with viewing(partner):
        words = searching.words_of("zebra")
        shape = searching.shape_of(words)
        places = searching.places_of(shape, searching.values_of(words, shape))
        few = searching.few_with(places, queries.named_with(places, shape), shape)
        assert few is not None and db.session.scalar(few) == "[]"


def test_without_an_index_searches_find_the_same(stage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite that was built without FTS5."""
    monkeypatch.setattr(searching, "exists", lambda _connection: False)
    monkeypatch.setattr(searching, "_indexed", set())
    assert_all_agree("mill", stage["viewers"])
    with viewing(stage["viewers"][0]):
        assert searching.shape_of(["mill"]).book == ""


def _plain(row_id: uuid.UUID) -> Any:
    return row_id.hex if db.engine.dialect.name == "sqlite" else row_id


def _index_rows() -> list[Any]:
    name = search_index.NAME
    asked = (
        f"SELECT id, block FROM {name}_data"
        if db.engine.dialect.name == "sqlite"
        else f"SELECT xmin::text, row_id FROM {name}"
    )
    with db.engine.connect() as connection:
        return sorted(map(tuple, connection.execute(text(asked))))
