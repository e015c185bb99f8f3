"""State machines as literal tables: {(state, action): next state}. Pure. The table is the machine.

It refuses in change_state, fills the Actions menu, feeds the property tests and prints its diagram.
"""

from collections.abc import Mapping

Table = Mapping[tuple[str, str], str]


def next_state(table: Table, state: str, action: str) -> str | None:
    """Where `action` leads from `state`; None when the table has no such arrow."""
    return table.get((state, action))


def actions_from(table: Table, state: str) -> list[str]:
    """What may be done in `state`, in the table's order: the order of the menu."""
    return [action for (start, action) in table if start == state]


def states_of(table: Table) -> list[str]:
    """Every state the table names, in order of appearance."""
    seen = dict.fromkeys(state for (start, _), end in table.items() for state in (start, end))
    return list(seen)


def final_states(table: Table) -> list[str]:
    """States that nothing leaves."""
    return [state for state in states_of(table) if not actions_from(table, state)]


def diagram(table: Table) -> str:
    """One line an arrow, aligned, for docstrings and the documentation."""
    width = max(len(state) for state in states_of(table))
    verbs = max(len(action) for _, action in table)
    return "\n".join(f"{start:<{width}}  --{action:-<{verbs}}-->  {end}" for (start, action), end in table.items())
