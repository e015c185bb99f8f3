"""A column for PostgreSQL's COPY is spelled as its values are, whichever of them are one object in many rows."""

import uuid
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import Transformer

from app.foundation.copy_text import mapped, spelled

KINDS: list[list[Any]] = [
    [uuid.UUID(int=7), uuid.UUID(int=7), uuid.UUID(int=2**127)],
    ["", "tab\there", "back\\slash", "new\nline", "plain", "plain again"],
    [0, 1, 10**15],
    [False, True],
    [
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC),
    ],
    [None],
]
#: of few objects or of many, in runs or mixed
COLUMNS = st.sampled_from(KINDS).flatmap(lambda kind: st.lists(st.sampled_from(kind), min_size=1, max_size=40))


@given(COLUMNS)
def test_a_column_is_spelled_as_each_of_its_values_is(column: list[Any]) -> None:
    adapted = Transformer()
    assert list(spelled(column, adapted)) == [spelled([value], adapted)[0] for value in column]


@given(st.lists(st.integers(0, 3).map(lambda n: [n]) | st.just([9]), min_size=1, max_size=40))
def test_what_is_bound_once_is_bound_for_every_row(column: list[Any]) -> None:
    repeated = [column[number % 3] if number % 2 and len(column) > 3 else one for number, one in enumerate(column)]
    assert mapped(str, repeated) == list(map(str, repeated))
