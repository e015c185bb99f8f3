"""The only writer of `.state`: a compare-and-set on (id, expected state, version) and the History row, one transaction."""

from typing import Any

from sqlalchemy import CursorResult, update
from sqlalchemy.orm.attributes import set_committed_value

from app.foundation import history, transitions
from app.foundation.database import transaction
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer


def change_state(row: Any, action: str, *, by: Viewer, columns: dict[str, Any] | None = None, **facts: Any) -> None:
    """Take the row along the arrow `action` of its table and record the event the row's model names for it.

    `columns` are written together with the state; `facts` go into the event, exactly those it declares.
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
        history.record(row, row.__events__[action], by=by, from_state=expected, to_state=after, **facts)
