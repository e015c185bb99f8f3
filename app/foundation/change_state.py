"""The only writer of `.state`: a compare-and-set on (id, expected state, version) and the History row, one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import CursorResult, update
from sqlalchemy.orm.attributes import set_committed_value

from app.foundation import bulk, history, history_in_bulk, transitions
from app.foundation.database import transaction
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer


def change_state(row: Any, action: str, *, by: Viewer, columns: dict[str, Any] | None = None, **facts: Any) -> None:
    """Take the row along the arrow `action` of its table and record the event the row's model names for it.

    `columns` are written together with the state; `facts` go into the event, exactly those it declares.
    An arrow whose event is None is told by the row itself, and by no event.
    AlreadyDone when the table has no such arrow from here, or when somebody else took the row along first.
    """
    expected, version = row.state, row.version
    after = transitions.next_state(row.__transitions__, expected, action)
    if after is None:
        raise AlreadyDone(expected, action)
    model = type(row)
    written = {**(columns or {}), "state": after, "version": version + 1}
    with transaction() as session:
        session.flush()
        moved = session.execute(
            update(model)
            .where(model.id == row.id, model.state == expected, model.version == version)
            .values(written)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(moved, CursorResult)
        if moved.rowcount != 1:
            raise AlreadyDone(expected, action)
        for name, value in written.items():
            set_committed_value(row, name, value)
        if (event := row.__events__[action]) is not None:
            history.record(row, event, by=by, from_state=expected, to_state=after, **facts)


def change_states(
    model: type[Any],
    rows: Iterable[tuple[Any, Sequence[Any], dict[str, Any]]],
    action: str,
    *,
    by: Viewer,
    columns: Sequence[str],
    at: datetime,
) -> None:
    """change_state for very many rows of a model that stand in one state: the same table, the same events, all or none.

    `rows`: (row, the values of `columns`, the event's facts) each, taken while those before them are written; a row may be
    light, as history.record_many takes it, with `id`, `state` and `version`. AlreadyDone when one of them was taken along by
    somebody else: the caller's transaction is then rolled back. The system's alone, as every bulk write.
    """
    waiting = iter(rows)
    first = next(waiting, None)
    if first is None:
        return
    expected = first[0].state
    after = transitions.next_state(model.__transitions__, expected, action)
    if after is None:
        raise AlreadyDone(expected, action)
    happened: list[tuple[Any, dict[str, Any]]] = []

    def written() -> Iterator[tuple[Any, ...]]:
        for row, values, facts in chain((first,), waiting):
            happened.append((row, facts))
            yield (row.id, expected, row.version, *values, after, row.version + 1)

    with transaction():
        moved = bulk.update(model, ("id", "state", "version"), (*columns, "state", "version"), written())
        if moved != len(happened):
            raise AlreadyDone(expected, action)
        history_in_bulk.record_many(
            happened, model.__events__[action], by=by, from_state=expected, to_state=after, at=at
        )
