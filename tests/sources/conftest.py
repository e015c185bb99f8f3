"""One source for each test: the stand-in read through v1, through the export, or as is due, and answers recorded by hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from app.commands.stand_in import Faults, StandIn, serving
from tests.sources.recorded import Recorded, expected
from tests.sources.stage import InMemory, Reading, client_of, faults, read_everything, small_world

Totals = dict[tuple[str, str, str], tuple[Decimal, Decimal]]


@dataclass
class Source:
    """A Microsoft to read, and what is true of it."""

    stand_in: StandIn
    memory: InMemory
    #: where new-commerce lines are read
    reads: str
    truth: Callable[[], Totals]

    def read(self, **how: Any) -> Reading:
        return read_everything(lambda: client_of(self.memory), self.reads, **how)

    @property
    def faults(self) -> Faults:
        return self.stand_in.faults

    @property
    def is_recorded(self) -> bool:
        return isinstance(self.stand_in, Recorded)


SOURCES = ("v1", "graph", "due", "recorded v1", "recorded graph")


@pytest.fixture
def open_source() -> Iterator[Callable[..., Source]]:
    """Opens a source with these habits."""
    with ExitStack() as stack:

        def open_(name: str, **habits: Any) -> Source:
            switched = faults(v1_has_everything=name == "v1", **habits)
            if name.startswith("recorded"):
                playing: StandIn = stack.enter_context(serving(Recorded(switched)))
                truth: Callable[[], Totals] = expected
            else:
                world = small_world()
                playing = stack.enter_context(serving(StandIn(world, switched)))
                truth = world.totals
            memory = InMemory(playing)
            stack.callback(memory.close)
            return Source(playing, memory, name.removeprefix("recorded "), truth)

        yield open_


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The ordinary one, with small pages."""
    with serving(StandIn(small_world(), faults())) as playing:
        yield playing


@pytest.fixture
def memory(stand_in: StandIn) -> Iterator[InMemory]:
    memory = InMemory(stand_in)
    yield memory
    memory.close()
