"""That mail failed, and nothing else of it: the number in the operator's menu, on every page.

No tenant reads the outbox, so the count goes past the tenancy listener, in a file of its own that cannot tell more: it selects
a count of tries. The number is asked for where the viewer is known to be the operator (failed_rows.waiting_count).
"""

from typing import Any

from sqlalchemy import Select, select

from app.foundation.outbox import OutboxRow, tried_in_vain


def that_failed() -> Select[*tuple[Any, ...]]:
    """One row a notice that was put off or given up; for a bounded count."""
    columns = OutboxRow.__table__.c
    return select(columns.tries).where(tried_in_vain(columns))
