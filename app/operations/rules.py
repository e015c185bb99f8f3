"""When a run of the self-check has been left alone. Pure."""

from datetime import datetime, timedelta

#: a run under way shows a sign of life every second or so; one statement over a large table may take longer
STALE_AFTER = timedelta(minutes=2)


def is_stale(touched_at: datetime | None, now: datetime) -> bool:
    """No sign of life for two minutes: at 12:02:00.000 not yet for one of 12:00:00.000, a millisecond later yes."""
    return touched_at is None or now - touched_at > STALE_AFTER
