"""Sending what is due: claim a row, tell it, mark it. At least once, and once if nobody is killed in between."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from app.config import Settings
from app.foundation import clock, outbox
from app.foundation.database import end_reading, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all
from app.notices.delivery import NobodyToTell, Way, addresses, body_of, by_smtp, into_the_demo_mailbox
from app.notices.smtp import Delayed, MailServer, RefusedForGood

log = structlog.get_logger(__name__)

#: how long a claimed row is nobody else's; longer than any message takes, so that two senders never send one at once
LEASE = timedelta(minutes=10)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


@dataclass
class Sent:
    """What a batch came to: told, put off until later, given up."""

    told: int = 0
    delayed: int = 0
    given_up: int = 0
    last_trouble: str = ""


def send_due(settings: Settings, *, limit: int = 100, stopped: Callable[[], bool] = lambda: False) -> Sent:
    """Tell at most `limit` due notices. With SMTP_URL by mail, else in demo mode in the portal; else they wait.

    No transaction is open while the server is talked to. A server that does not answer ends the batch, as does `stopped`.
    """
    sent = Sent()
    if settings.smtp_url:
        with MailServer(settings.smtp_url) as server:
            _send(by_smtp(server, settings), settings, limit, stopped, sent)
    elif settings.demo:
        _send(into_the_demo_mailbox, settings, limit, stopped, sent)
    return sent


def wait_after(tries: int) -> timedelta:
    """30 s after the first failure, then 1, 2, 4 ... minutes, an hour at most."""
    return min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT)


def _send(way: Way, settings: Settings, limit: int, stopped: Callable[[], bool], sent: Sent) -> None:
    with acting_for_all("notices go to every tenant's members"):
        for _ in range(limit):
            row = None if stopped() else _claim()
            if row is None or not _tell(row, way, settings, sent):
                return


def _claim() -> OutboxRow | None:
    """The row that has been due longest, ours until its due_at comes again; None: nothing is due."""
    now = clock.now()
    with transaction() as session:
        row = session.scalar(
            select(OutboxRow)
            .where(OutboxRow.sent_at.is_(None), OutboxRow.failed_at.is_(None), OutboxRow.due_at <= now)
            .order_by(OutboxRow.due_at, OutboxRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if row is not None:
            row.due_at = now + LEASE
    return row


def _tell(row: OutboxRow, way: Way, settings: Settings, sent: Sent) -> bool:
    """Tell one row and write down what came of it. False: the server is away, so the others need not be tried."""
    try:
        to, body = addresses(row), body_of(row, settings)
        end_reading()
        refused = way(row, to, body)
    except (NobodyToTell, RefusedForGood) as no:
        _give_up(row, str(no))
        sent.given_up += 1
        sent.last_trouble = str(no)
    except Exception as trouble:
        # our own faults too, a template's for one: the row waits with its reason and the others go on
        why = str(trouble) if isinstance(trouble, Delayed) else f"{type(trouble).__name__}: {trouble}"
        _put_off(row, why)
        sent.delayed += 1
        sent.last_trouble = why
        return not (isinstance(trouble, Delayed) and trouble.server_is_away)
    else:
        _mark_told(row, refused)
        sent.told += 1
    return True


def _mark_told(row: OutboxRow, refused: dict[str, str]) -> None:
    """Told. Whom the server put off gets a row of their own."""
    with transaction():
        claimed = _still_ours(row)
        if claimed is None:
            return
        claimed.sent_at, claimed.tries = clock.now(), claimed.tries + 1
        claimed.last_error = "; ".join(f"{address}: {word}" for address, word in refused.items()) or None
        for address in (address for address, word in refused.items() if not word.startswith("5")):
            outbox.post(
                Notice("address", address, claimed.template, dict(claimed.facts)),
                subject_kind=claimed.subject_kind,
                subject_id=claimed.subject_id,
                due_at=clock.now() + FIRST_WAIT,
            )
        forget_link(claimed)


def _put_off(row: OutboxRow, why: str) -> None:
    log.warning("notice_delayed", outbox_id=str(row.id), template=row.template, why=why)
    with transaction():
        claimed = _still_ours(row)
        if claimed is not None:
            claimed.tries += 1
            claimed.last_error = why[:1000]
            claimed.due_at = clock.now() + wait_after(claimed.tries)


def _give_up(row: OutboxRow, why: str) -> None:
    log.warning("notice_given_up", outbox_id=str(row.id), template=row.template, why=why)
    with transaction():
        claimed = _still_ours(row)
        if claimed is not None:
            claimed.tries += 1
            claimed.last_error, claimed.failed_at = why[:1000], clock.now()
            forget_link(claimed)


def forget_link(row: OutboxRow) -> None:
    """A link that acts for its reader is kept no longer than it takes to send it."""
    if "path" in row.facts:
        row.facts = {name: fact for name, fact in row.facts.items() if name != "path"}


def _still_ours(row: OutboxRow) -> OutboxRow | None:
    """The row, locked, unless the claim ran out and somebody else has taken it since."""
    lease: datetime = row.due_at
    with transaction() as session:
        return session.scalar(
            select(OutboxRow)
            .where(OutboxRow.id == row.id, OutboxRow.due_at == lease, OutboxRow.sent_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
