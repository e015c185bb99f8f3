"""Notices in the portal: each reader's own list, filled from the outbox whether or not there is a mail server.

A row of the outbox is put among its readers' notices once, in one transaction with the mark that it was; so the job may die
or meet itself anywhere. What one batch does to one subject is one notice.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, select, update

from app.config import Settings
from app.foundation import clock
from app.foundation.database import at_most, db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.pages import Page, page_of
from app.foundation.tenancy import Viewer, acting_for_all, current, one
from app.notices.bodies import Body, render, type_named
from app.notices.model import PortalNotice
from app.notices.preferences import Wish, wishes_of
from app.notices.readers import readers_of
from app.notices.types import TYPES, is_about_account

log = structlog.get_logger(__name__)

AT_A_TIME = 50
#: a notice is kept so long
KEPT = timedelta(days=180)
#: no more unread ones are counted
MOST_COUNTED = 100
LIST_COLUMNS = (
    PortalNotice.id,
    PortalNotice.at,
    PortalNotice.template,
    PortalNotice.facts,
    PortalNotice.type,
    PortalNotice.more,
    PortalNotice.read_at,
)
LIST_KEYS = (PortalNotice.at, PortalNotice.id)


def show_due(*, stopped: Callable[[], bool] = lambda: False) -> int:
    """Put what is new in the outbox among its readers' notices; how many rows of the outbox were looked at."""
    looked_at = 0
    with acting_for_all("notices go to every tenant's members"):
        while not stopped():
            with transaction() as session:
                rows = session.scalars(
                    select(OutboxRow)
                    .where(OutboxRow.shown_at.is_(None))
                    .order_by(OutboxRow.created_at, OutboxRow.id)
                    .limit(AT_A_TIME)
                    .with_for_update(skip_locked=True)
                    .execution_options(populate_existing=True)
                ).all()
                for row in rows:
                    _show(row)
                    row.shown_at = clock.now()
            looked_at += len(rows)
            if len(rows) < AT_A_TIME:
                break
    return looked_at


def _show(row: OutboxRow) -> None:
    if row.audience == "address" or "path" in row.facts:
        return  # a link that acts for its reader is in the mail only
    try:
        type_ = type_named(row.template)
        render(row.template, row.facts, portal_name="", portal_url="")
    except Exception as broken:  # the mail says it too, and is tried again; one bad row stops nobody
        log.warning("notice_not_shown", outbox_id=str(row.id), why=f"{type(broken).__name__}: {broken}")
        return
    if not TYPES[type_].in_portal:
        return
    readers = readers_of(row)
    wishes = {} if is_about_account(row.facts, row.subject_kind) else wishes_of((r.member_id for r in readers), type_)
    for reader in readers:
        if wishes.get(reader.member_id, Wish()).in_portal:
            _add(row, type_, reader.member_id)


def _add(row: OutboxRow, type_: str, member_id: uuid.UUID) -> None:
    if row.batch is not None:
        same = db.session.execute(
            update(PortalNotice)
            .where(
                PortalNotice.member_id == member_id,
                PortalNotice.batch == row.batch,
                PortalNotice.template == row.template,
                PortalNotice.subject_id == row.subject_id,
            )
            .values(more=PortalNotice.more + 1)
            .execution_options(synchronize_session=False)
        )
        if same.rowcount:  # type: ignore[attr-defined]
            return
    db.session.add(
        PortalNotice(
            outbox_id=row.id,
            member_id=member_id,
            organisation_id=uuid.UUID(row.address) if row.audience == "organisation" else row.organisation_id,
            type=type_,
            template=row.template,
            facts=row.facts,
            subject_id=row.subject_id,
            batch=row.batch,
            at=row.created_at,
        )
    )
    db.session.flush()


def notices(*, unread_only: bool = False, type_: str | None = None) -> Any:
    """The viewer's own, for page_of(LIST_KEYS)."""
    found = select(*LIST_COLUMNS)
    if unread_only:
        found = found.where(PortalNotice.read_at.is_(None))
    return found.where(PortalNotice.type == type_) if type_ else found


def page_of_notices(after: str | None, before: str | None, **wanted: Any) -> Page:
    return page_of(notices(**wanted), LIST_KEYS, after=after, before=before)


_EVERY = notices()


def latest(most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """The viewer's newest few, for Home."""
    return page_of(_EVERY, LIST_KEYS, size=most, values={}).rows


def said(row: Row[*tuple[Any, ...]] | PortalNotice, settings: Settings) -> Body:
    """What the notice says in one line to whom looks, and where it leads. A template that was taken away leaves its type's name."""
    try:
        return render(row.template, row.facts, portal_name=settings.portal_name, portal_url="", zone=current().zone)
    except Exception as broken:
        log.warning("notice_not_said", template=row.template, why=f"{type(broken).__name__}: {broken}")
        return Body("", "", "")


def own_notice(notice_id: uuid.UUID) -> PortalNotice:
    """One of the viewer's own, or NotVisible."""
    return one(PortalNotice, notice_id)


def mark_read(notice_ids: Sequence[uuid.UUID] | None = None, *, by: Viewer, here_only: bool = False) -> int:
    """These of one's own notices are read, None: all of them. Returns how many were not before.

    `here_only`: of those that name the organisation acted for; what concerns the account itself is left as it is.
    """
    unread = update(PortalNotice).where(PortalNotice.member_id == by.member_id, PortalNotice.read_at.is_(None))
    if notice_ids is not None:
        unread = unread.where(PortalNotice.id.in_(notice_ids))
    if here_only:
        unread = unread.where(PortalNotice.organisation_id == by.organisation_id)
    with transaction() as session:
        marked: Any = session.execute(unread.values(read_at=clock.now()).execution_options(synchronize_session=False))
        return int(marked.rowcount)


def unread_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, bounded scalar subquery) for the bell."""
    if viewer.organisation_id is None:
        return None
    some = select(PortalNotice.id).where(PortalNotice.read_at.is_(None)).limit(at_most(MOST_COUNTED)).subquery()
    return "/notices", select(func.count()).select_from(some).scalar_subquery()


def forget_old(*, limit: int = 1000) -> int:
    """Delete at most `limit` notices older than KEPT; returns how many."""
    with transaction() as session, acting_for_all("old notices are of no use"):
        old = select(PortalNotice.id).where(PortalNotice.at < clock.now() - KEPT).limit(limit)
        gone: Any = session.execute(
            delete(PortalNotice).where(PortalNotice.id.in_(old)).execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)
