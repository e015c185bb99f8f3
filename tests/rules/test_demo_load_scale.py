"""A load is cut into parts that add up, in the order of time, and its invented names never meet."""

from hypothesis import given
from hypothesis import strategies as st

from app.commands.demo import people
from app.commands.demo.load import names
from app.commands.demo.load.scale import MOST_ENGAGEMENTS, MOST_ENTRIES, Scale


@given(st.integers(1, 10**7), st.integers(0, 5 * 10**7), st.integers(1, 120))
def test_parts_add_up_and_none_is_too_large(engagements: int, entries: int, months: int) -> None:
    scale = Scale(engagements, entries, months, 1)
    parts = list(scale.cut())
    assert len(parts) == scale.slices
    assert sum(part.engagements for part in parts) == engagements
    assert sum(part.entries for part in parts) == entries
    assert max(part.engagements for part in parts) <= MOST_ENGAGEMENTS
    assert max(part.entries for part in parts) <= MOST_ENTRIES
    assert [part.begins for part in parts][1:] == [part.ends for part in parts][:-1]
    assert (parts[0].begins, parts[-1].ends) == (0, 10**6)
    assert list(scale.cut(len(parts) // 2)) == parts[len(parts) // 2 :]


def test_a_load_is_named_by_all_that_was_asked() -> None:
    keys = {Scale(*asked).key for asked in ((1, 2, 3, 4), (2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 4, 4), (1, 2, 3, 5))}
    assert len(keys) == 5
    assert all(len(key) == 10 for key in keys)  # the column's width


def test_invented_names_differ_from_each_other_and_from_the_demos() -> None:
    largest = Scale(10**7, 0, 1, 1)
    made = [names.partner(place) for place in range(largest.partners)]
    made += [names.customer(place) for place in range(largest.customers)]
    assert len(set(made)) == len(made)
    demo = {name for _, _, name, _, _ in people.SIGN_INS} | {name for name, _ in people.OTHER_CLIENTS}
    assert not demo & set(made)
