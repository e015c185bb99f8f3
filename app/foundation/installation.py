"""What runs here: the portal's version, its database, the migration that database is at, and how large it is."""

import platform
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from app.foundation.database import db

#: raised with each release; a backup says which one made it
VERSION = "0.3.0"


@dataclass(frozen=True)
class Installation:
    version: str
    python: str
    #: "SQLite 3.40.1"
    database: str
    #: revisions that the database says it is at: one, unless something went wrong
    migrations: tuple[str, ...]
    size_bytes: int


def installation() -> Installation:
    connection = db.session.connection()
    return Installation(
        VERSION, platform.python_version(), _database(connection), migrations(connection), _size(connection)
    )


def migrations(connection: Connection) -> tuple[str, ...]:
    if not inspect(connection).has_table("alembic_version"):
        return ()
    return tuple(sorted(connection.scalars(text("SELECT version_num FROM alembic_version"))))


def _database(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
    return f"PostgreSQL {str(connection.scalar(text('SHOW server_version'))).split()[0]}"


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, bytes_each = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
        return int(pages or 0) * int(bytes_each or 0)
    return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
