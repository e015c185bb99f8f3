"""Sending what is due: claim a row and those of its batch, tell them in one mail, mark them. At least once, and once if
nobody is killed in between."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from app.config import Settings
from app.foundation import clock, outbox
from app.foundation.database import end_reading, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all
from app.notices.addresses import is_about_the_address, note_refused
from app.notices.delivery import NobodyToTell, Way, by_smtp, into_the_demo_mailbox, letters_of, mailed_to, send_each
from app.notices.readers import readers_of
from app.notices.smtp import Delayed, MailServer, RefusedForGood

log = structlog.get_logger(__name__)

#: how long a claimed row is nobody else's; longer than any message takes, so that two senders never send one at once
LEASE = timedelta(minutes=10)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
#: notices of one batch in one mail
MOST_TOGETHER = 200


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
            rows = [] if stopped() else _claim()
            if not rows or not _tell(rows, way, settings, sent):
                return


def _claim() -> list[OutboxRow]:
    """The row that has been due longest, ours until its due_at comes again, and with it those of its batch that say the
    same thing to the same readers; empty: nothing is due."""
    now = clock.now()
    due = (
        select(OutboxRow)
        .where(OutboxRow.sent_at.is_(None), OutboxRow.failed_at.is_(None), OutboxRow.due_at <= now)
        .order_by(OutboxRow.due_at, OutboxRow.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    with transaction() as session:
        first = session.scalar(due.limit(1))
        if first is None:
            return []
        rows = [first]
        if first.batch is not None:
            others = due.where(
                OutboxRow.batch == first.batch,
                OutboxRow.template == first.template,
                OutboxRow.audience == first.audience,
                OutboxRow.address == first.address,
                OutboxRow.permission.is_not_distinct_from(first.permission),
                OutboxRow.id != first.id,
            )
            rows += session.scalars(others.limit(MOST_TOGETHER - 1)).all()
        for row in rows:
            row.due_at = now + LEASE
    return rows


def _tell(rows: list[OutboxRow], way: Way, settings: Settings, sent: Sent) -> bool:
    """Tell rows that go out as one mail, and write down what came of it. False: the server is away, so the others need
    not be tried."""
    try:
        letters = letters_of(rows, mailed_to(rows[0]), settings)
        end_reading()
        refused = send_each(rows[0], letters, way)
    except (NobodyToTell, RefusedForGood) as no:
        _give_up(rows, no)
        sent.given_up += len(rows)
        sent.last_trouble = str(no)
    except Exception as trouble:
        # our own faults too, a template's for one: the row waits with its reason and the others go on
        why = str(trouble) if isinstance(trouble, Delayed) else f"{type(trouble).__name__}: {trouble}"
        _put_off(rows, why)
        sent.delayed += len(rows)
        sent.last_trouble = why
        return not (isinstance(trouble, Delayed) and trouble.server_is_away)
    else:
        _mark_told(rows, refused, note="" if letters else "nobody wants it by mail")
        sent.told += len(rows)
    return True


def _mark_told(rows: list[OutboxRow], refused: dict[str, str], *, note: str = "") -> None:
    """Told. Whom the server did not take gets a row of their own: put off, or given up with the server's word, which the
    operator may try again. Addresses refused for good are marked."""
    with transaction():
        for claimed in _still_ours(rows):
            claimed.sent_at, claimed.tries = clock.now(), claimed.tries + 1
            claimed.last_error = "; ".join(f"{address}: {word}" for address, word in refused.items()) or note or None
            _post_alone(claimed, refused)
            forget_link(claimed)
        _mark_refused(refused)


def _post_alone(claimed: OutboxRow, refused: Mapping[str, str]) -> None:
    """A row for each reader whom the server did not take it for. To a member as a member, who may have left by the next try."""
    members = {reader.email: str(reader.member_id) for reader in readers_of(claimed)} if refused else {}
    on_behalf = uuid.UUID(claimed.address) if claimed.audience == "organisation" else claimed.organisation_id
    for address, word in refused.items():
        whom = ("member", members[address]) if address in members else ("address", address)
        alone = outbox.post(
            Notice(*whom, claimed.template, dict(claimed.facts), claimed.permission, on_behalf),
            subject_kind=claimed.subject_kind,
            subject_id=claimed.subject_id,
            due_at=clock.now() + FIRST_WAIT,
            batch=claimed.batch,
        )
        alone.shown_at = clock.now()  # the portal shows the notice that it is a part of
        if word.startswith("5"):
            alone.tries, alone.last_error, alone.failed_at = 1, f"{address}: {word}"[:1000], clock.now()
            forget_link(alone)


def _put_off(rows: list[OutboxRow], why: str) -> None:
    log.warning("notice_delayed", outbox_id=str(rows[0].id), template=rows[0].template, rows=len(rows), why=why)
    with transaction():
        for claimed in _still_ours(rows):
            claimed.tries += 1
            claimed.last_error = why[:1000]
            claimed.due_at = clock.now() + wait_after(claimed.tries)


def _give_up(rows: list[OutboxRow], no: NobodyToTell | RefusedForGood) -> None:
    why = str(no)
    log.warning("notice_given_up", outbox_id=str(rows[0].id), template=rows[0].template, rows=len(rows), why=why)
    with transaction():
        for claimed in _still_ours(rows):
            claimed.tries += 1
            claimed.last_error, claimed.failed_at = why[:1000], clock.now()
            forget_link(claimed)
        _mark_refused(no.recipients if isinstance(no, RefusedForGood) else {})


def _mark_refused(refused: Mapping[str, str]) -> None:
    for address, word in refused.items():
        if is_about_the_address(word):
            note_refused(address, word)


def forget_link(row: OutboxRow) -> None:
    """A link that acts for its reader is kept no longer than it takes to send it."""
    if "path" in row.facts:
        row.facts = {name: fact for name, fact in row.facts.items() if name != "path"}


def _still_ours(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The rows, locked, but for those whose claim ran out and that somebody else has taken since."""
    lease: datetime = rows[0].due_at
    with transaction() as session:
        return list(
            session.scalars(
                select(OutboxRow)
                .where(
                    OutboxRow.id.in_([row.id for row in rows]),
                    OutboxRow.due_at == lease,
                    OutboxRow.sent_at.is_(None),
                )
                .order_by(OutboxRow.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        )
