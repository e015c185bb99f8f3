"""An index of engagements by what their search text contains, kept by the database itself whoever writes an engagement.

Every three letters in a row of `search_text` lead to the engagement, in each of the three books it stands in: its seller's, its
partner's and its customer's. Whoever searches reads their own book's letters alone, however full another's is of them.

SQLite has FTS5's trigrams. A row's place in them is its book's number and, in the low PLACE_BITS, the engagement's: a book is one
range. PostgreSQL has a GIN index of hashes of book and letters, which needs no extension, so no right to create one either.

The index is made of rows: backups leave it out, and a restore makes it anew. Where SQLite was built without FTS5 there is none,
and searches read along the list as they do for frequent words.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Uuid, column, false, func, inspect, table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.expression import TableClause

#: what all of its tables begin with, those that FTS5 makes for itself too
NAME = "engagement_search"
PLACE_BITS = 40
#: letters in a row that are looked up together; a shorter word has no index
LETTERS = 3
#: PostgreSQL's, to be moved where the tables are moved
FUNCTIONS = (f"{NAME}_hits(uuid, text, integer)", f"{NAME}_keep()", f"{NAME}_tokens(uuid[], text)")
_BOOKS = ("seller_id", "partner_id", "customer_id")


def is_modelled(name: str | None, kind: str, _parents: object = None) -> bool:
    """For Alembic's include_name: models know nothing of these tables."""
    return not (kind == "table" and name is not None and name.startswith(NAME))


def exists(connection: Connection) -> bool:
    return inspect(connection).has_table(NAME)


def make(connection: Connection) -> None:
    """The tables, and in them what there is."""
    if connection.dialect.name == "sqlite":
        try:
            with connection.begin_nested():
                connection.execute(text(_FTS))
        except OperationalError:
            return
    for statement in made(connection.dialect.name):
        connection.execute(text(statement))


def made(dialect: str) -> list[str]:
    """The same as statements."""
    if dialect == "postgresql":
        return [*_POSTGRES, _POSTGRES_FILL, *_POSTGRES_TRIGGERS]
    return [_FTS.replace("TABLE", "TABLE IF NOT EXISTS"), *_SQLITE, *_SQLITE_FILL, *_sqlite_triggers()]


def remove(connection: Connection) -> None:
    for statement in removed(connection.dialect.name):
        connection.execute(text(statement))


def removed(dialect: str) -> list[str]:
    if dialect == "postgresql":
        return [
            *(f"DROP TRIGGER {NAME}_{when} ON engagement" for when in ("changed", "written")),
            *(f"DROP FUNCTION {function}" for function in FUNCTIONS),
            f"DROP TABLE {NAME}",
        ]
    return [
        *(f"DROP TRIGGER IF EXISTS {NAME}_{verb}" for verb in ("insert", "update", "delete")),
        *(f"DROP TABLE IF EXISTS {NAME}{part}" for part in ("", "_place", "_book")),
    ]


def keep(connection: Connection) -> None:
    """Create the triggers that are missing: a migration that makes engagements' table anew on SQLite loses them."""
    if connection.dialect.name == "sqlite" and exists(connection):
        for statement in _sqlite_triggers():
            connection.execute(text(statement))


def held(connection: Connection) -> TableClause:
    """What is in the index, a row an engagement, as far as it can be read: the words, or on PostgreSQL what is made of them."""
    if connection.dialect.name == "sqlite":
        return table(f"{NAME}_place", column("row_id", Uuid()), column("words", String()))
    return table(NAME, column("row_id", Uuid()), column("tokens"))


def is_held(there: TableClause, engagement: Any) -> ColumnElement[bool]:
    """Whether the engagement's row of held() is what its own row makes."""
    if "words" in there.c:
        return func.coalesce(there.c.words == engagement.search_text, false())
    books = postgresql.array([getattr(engagement, name) for name in _BOOKS])
    made = getattr(func, f"{NAME}_tokens")(books, engagement.search_text)
    return func.coalesce(there.c.tokens == made, false())


_FTS = f"CREATE VIRTUAL TABLE {NAME} USING fts5(words, tokenize='trigram', content='', columnsize=0)"
_SQLITE = [
    f"CREATE TABLE {NAME}_book (number INTEGER PRIMARY KEY, owner_id CHAR(32) NOT NULL UNIQUE)",
    # with the words as they were put in, which is what FTS5 must be told to take them out again
    f"CREATE TABLE {NAME}_place"
    " (place INTEGER PRIMARY KEY, row_id CHAR(32) NOT NULL UNIQUE, words VARCHAR(300) NOT NULL)",
]
_ROWIDS = f"(book.number << {PLACE_BITS}) | here.place"
_SQLITE_FILL = [
    f"INSERT INTO {NAME}_book (owner_id) SELECT seller_id FROM engagement"
    " UNION SELECT partner_id FROM engagement UNION SELECT customer_id FROM engagement",
    f"INSERT INTO {NAME}_place (row_id, words) SELECT id, search_text FROM engagement ORDER BY id",
    f"INSERT INTO {NAME} (rowid, words) SELECT {_ROWIDS}, here.words FROM {NAME}_place here"
    f" JOIN engagement ON engagement.id = here.row_id JOIN {NAME}_book book"
    " ON book.owner_id IN (engagement.seller_id, engagement.partner_id, engagement.customer_id)",
]


def _sqlite_triggers() -> Iterator[str]:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in ("id", "search_text", *_BOOKS))
    into, out = "".join(_put_in()), "".join(_take_out())
    yield f"CREATE TRIGGER IF NOT EXISTS {NAME}_insert AFTER INSERT ON engagement BEGIN {into} END"
    yield f"CREATE TRIGGER IF NOT EXISTS {NAME}_delete AFTER DELETE ON engagement BEGIN {out} END"
    yield (
        f"CREATE TRIGGER IF NOT EXISTS {NAME}_update AFTER UPDATE OF id, search_text, {', '.join(_BOOKS)} ON engagement"
        f" WHEN {changed} BEGIN {out} {into} END"
    )


def _put_in() -> Iterator[str]:
    new = ", ".join(f"NEW.{name}" for name in _BOOKS)
    for name in _BOOKS:
        yield (
            f"INSERT INTO {NAME}_book (owner_id) SELECT NEW.{name}"
            f" WHERE NOT EXISTS (SELECT 1 FROM {NAME}_book WHERE owner_id = NEW.{name});"
        )
    yield f"INSERT INTO {NAME}_place (row_id, words) VALUES (NEW.id, NEW.search_text);"
    yield (
        f"INSERT INTO {NAME} (rowid, words) SELECT {_ROWIDS}, here.words"
        f" FROM {NAME}_place here CROSS JOIN {NAME}_book book WHERE here.row_id = NEW.id AND book.owner_id IN ({new});"
    )


def _take_out() -> Iterator[str]:
    old = ", ".join(f"OLD.{name}" for name in _BOOKS)
    yield (
        f"INSERT INTO {NAME} ({NAME}, rowid, words) SELECT 'delete', {_ROWIDS}, here.words"
        f" FROM {NAME}_place here CROSS JOIN {NAME}_book book WHERE here.row_id = OLD.id AND book.owner_id IN ({old});"
    )
    yield f"DELETE FROM {NAME}_place WHERE row_id = OLD.id;"


_OF_NEW = f"{NAME}_tokens(ARRAY[{', '.join(f'NEW.{name}' for name in _BOOKS)}], NEW.search_text)"
_POSTGRES = [
    f"CREATE TABLE {NAME} (row_id uuid PRIMARY KEY, tokens integer[] NOT NULL)",
    f"""CREATE FUNCTION {NAME}_tokens(owners uuid[], words text) RETURNS integer[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(DISTINCT
            ('x' || left(md5(owner::text || substr(words, place, {LETTERS})), 8))::bit(32)::integer), '{{}}')
        FROM unnest(owners) AS owner, generate_series(1, length(words) - {LETTERS - 1}) AS place $$""",
    # the pending list is read by every search: short, so that it costs none of them a millisecond
    f"CREATE INDEX ix_{NAME}_tokens ON {NAME} USING gin (tokens) WITH (gin_pending_list_limit = 128)",
    f"""CREATE FUNCTION {NAME}_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP <> 'INSERT' THEN DELETE FROM {NAME} WHERE row_id = OLD.id; END IF;
        IF TG_OP <> 'DELETE' THEN INSERT INTO {NAME} (row_id, tokens) VALUES (NEW.id, {_OF_NEW}); END IF;
        RETURN NULL; END $$""",
    # a planner that shall give a thousand rows would rather read the table until it has them, and it may hold none
    f"""CREATE FUNCTION {NAME}_hits(owner uuid, word text, most integer) RETURNS SETOF uuid
        LANGUAGE plpgsql STABLE ROWS 100 SET enable_seqscan = off AS $$ BEGIN
        RETURN QUERY SELECT row_id FROM {NAME} WHERE tokens @> {NAME}_tokens(ARRAY[owner], word) LIMIT most; END $$""",
]
_POSTGRES_FILL = f"""
    INSERT INTO {NAME} (row_id, tokens)
    SELECT id, {NAME}_tokens(ARRAY[{", ".join(_BOOKS)}], search_text) FROM engagement"""
_CHANGED = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in ("id", "search_text", *_BOOKS))
_POSTGRES_TRIGGERS = [
    f"CREATE TRIGGER {NAME}_written AFTER INSERT OR DELETE ON engagement FOR EACH ROW EXECUTE FUNCTION {NAME}_keep()",
    f"""CREATE TRIGGER {NAME}_changed AFTER UPDATE OF id, search_text, {", ".join(_BOOKS)} ON engagement
        FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION {NAME}_keep()""",
]
