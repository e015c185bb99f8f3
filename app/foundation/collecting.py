"""Python's search for rings of objects, left out where very many rows are written: they form none, and it takes up to a third."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Whatever is let go of inside is freed as ever, but for rings, which wait. Where it was off already, it stays off."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
