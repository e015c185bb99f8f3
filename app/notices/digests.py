"""The daily digest: one mail a morning of what waits for a member in an organisation; none while nothing does.

At 7:00 in the member's own zone, or as soon after it as the portal runs, until noon; a morning that is over is not made up
for. A row a (member, organisation, day) says that it was looked at, written with the mail in one transaction: the database
refuses a second one, whoever looks, however often.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, outbox
from app.foundation.database import end_reading, transaction
from app.foundation.tenancy import Viewer, acting_for_all, viewing
from app.foundation.zones import zone_named
from app.members.colleagues import viewers_in, zones_in_use
from app.notices.inbox import Line, inbox_of, is_overdue
from app.notices.model import Digest
from app.notices.preferences import Wish, wishes_of
from app.notices.types import DIGEST

FROM_HOUR, UNTIL_HOUR = 7, 12
#: decisions named in one mail, the oldest; the rest is in the inbox
MOST_NAMED = 20
AT_A_TIME = 200
KEPT = timedelta(days=40)


def is_morning(now: datetime, zone: str) -> date | None:
    """The member's own day, if it is between 7:00 and 12:00 there; 6:59:59 no, 7:00:00 yes, 12:00:00 no."""
    local = now.astimezone(zone_named(zone))
    return local.date() if FROM_HOUR <= local.hour < UNTIL_HOUR else None


def send_due(*, stopped: Callable[[], bool] = lambda: False) -> int:
    """Look at every morning that has come; how many mails were posted."""
    mornings: dict[date, list[str]] = {}
    for zone in zones_in_use():
        if (day := is_morning(clock.now(), zone)) is not None:
            mornings.setdefault(day, []).append(zone)
    return sum(_send(day, zones, stopped) for day, zones in mornings.items())


def _send(day: date, zones: list[str], stopped: Callable[[], bool]) -> int:
    posted = 0
    while not stopped():
        viewers = viewers_in(zones, seen=Digest, day=day, limit=AT_A_TIME)
        end_reading()
        groups = [list(same) for _, same in groupby(viewers, key=lambda one: (one.member_id, one.organisation_id))]
        if len(viewers) == AT_A_TIME and len(groups) > 1:
            groups.pop()  # its other capacity may be on the next page
        for group in groups:
            if stopped():
                return posted
            posted += _look_at(group, day)
        if len(viewers) < AT_A_TIME:
            break
    return posted


def _look_at(viewers: Sequence[Viewer], day: date) -> bool:
    """One member's morning in one organisation, whatever the capacities. Whether there was something to tell."""
    member = viewers[0]
    assert member.member_id is not None and member.organisation_id is not None
    lines: list[Line] = []
    if wishes_of([member.member_id], DIGEST).get(member.member_id, Wish()).by_mail:
        for viewer in viewers:
            with viewing(viewer):
                lines += inbox_of(viewer).lines
    lines.sort(key=lambda line: line.waiting.since)
    try:
        with transaction() as session, acting_for_all("a member's morning"):
            session.add(
                Digest(member_id=member.member_id, organisation_id=member.organisation_id, day=day, waiting=len(lines))
            )
            session.flush()
            if lines:
                _post(member, lines)
    except IntegrityError:  # another process looked in the same moment, and posted what there was
        return False
    return bool(lines)


def _post(member: Viewer, lines: Sequence[Line]) -> None:
    told = {
        "name": member.member_name,
        "organisation": member.organisation_name,
        "waiting": len(lines),
        "lines": [_told(line) for line in lines[:MOST_NAMED]],
    }
    outbox.post(
        outbox.Notice("member", str(member.member_id), "digest", told, organisation_id=member.organisation_id),
        subject_kind="digest",
    )


def _told(line: Line) -> dict[str, Any]:
    """The addresses are those of the pages that ask: they need a sign-in, and opening one decides nothing."""
    ask = f"/inbox/decide?row={line.key}&do="
    return {
        "what": line.kind.label,
        "about": line.waiting.about,
        "number": line.waiting.number,
        "sender": line.waiting.sender,
        "since": line.waiting.since.isoformat(),
        "overdue": is_overdue(line.waiting.since),
        "value": "" if line.waiting.value is None else str(line.waiting.value),
        "path": line.waiting.path,
        "approve": f"{ask}approve" if line.in_bulk else "",
        "reject": f"{ask}reject" if line.in_bulk else "",
    }


def forget_old(*, limit: int = 1000) -> int:
    """Delete at most `limit` rows of mornings long gone; returns how many."""
    with transaction() as session, acting_for_all("old mornings are of no use"):
        old = select(Digest.id).where(Digest.day < (clock.now() - KEPT).date()).limit(limit)
        gone: Any = session.execute(
            delete(Digest).where(Digest.id.in_(old)).execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)
