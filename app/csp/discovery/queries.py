"""Runs and how far they are, as pages, programs and the timetable ask."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal_column, select

from app.csp.accounts import states as accounts
from app.csp.accounts.model import CspAccount
from app.csp.discovery import rules, states
from app.csp.discovery.actions import kinds_of, live_run
from app.csp.discovery.model import CspRefusal, CspRun, CspRunKind
from app.foundation import clock
from app.foundation.database import db, one_of, streamed
from app.foundation.pages import Page, page_of

__all__ = ["accounts_due", "kinds_of", "last_run", "last_runs", "live_run", "refusals_of", "run_page", "usual_minutes"]

#: refused customers and documents that are shown; a count says how many more
REFUSALS_SHOWN = 20
#: ended runs from which the usual length is told
USUAL_OF = 10


def shown_state(state: str) -> str:
    """As people and programs read it: one that waits for a worker is in progress."""
    return states.IN_PROGRESS if state == states.QUEUED else state


def last_run(account_id: uuid.UUID) -> CspRun | None:
    """The account's newest run; None: discovery has never been started."""
    return db.session.scalar(
        select(CspRun)
        .where(CspRun.account_id == account_id)
        .order_by(CspRun.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


@dataclass(frozen=True)
class LastRun:
    """One account on Home, in the list of accounts and on the dashboard."""

    account_id: uuid.UUID
    account_name: str
    account_state: str
    #: not_started, in_progress, stopped, error or completed
    state: str
    number: int | None
    asked_at: datetime | None
    ended_at: datetime | None
    is_partial: bool
    error: str | None
    #: the system's own next one; None where the account has none now
    next_at: datetime | None


_NEWEST = select(CspRun.account_id, func.max(CspRun.number).label("number")).group_by(CspRun.account_id).subquery()
_LAST_RUNS = (
    select(
        CspAccount.id, CspAccount.name, CspAccount.state.label("account_state"), CspRun.number, CspRun.state, CspRun.asked_at,
        CspRun.ended_at, CspRun.is_partial, CspRun.error,
    )
    .outerjoin(_NEWEST, _NEWEST.c.account_id == CspAccount.id)
    .outerjoin(CspRun, and_(CspRun.account_id == CspAccount.id, CspRun.number == _NEWEST.c.number))
    .where(~one_of(CspAccount.state, (accounts.DISCONNECTED,)))
    .order_by(CspAccount.name, CspAccount.id)
    .limit(100)
)  # fmt: skip


def last_runs() -> list[LastRun]:
    """Each of the viewer's accounts with its newest run and its next one. One statement; a partner has a handful of accounts."""
    now = clock.now()
    return [
        LastRun(
            row.id,
            row.name,
            row.account_state,
            states.NOT_STARTED if row.state is None else shown_state(row.state),
            row.number,
            row.asked_at,
            row.ended_at,
            bool(row.is_partial),
            row.error,
            next_run_at(row.id, row.account_state, now),
        )
        for row in db.session.execute(_LAST_RUNS)
    ]


def next_run_at(account_id: uuid.UUID, account_state: str, now: datetime) -> datetime | None:
    """When the system runs it next; None while it does not."""
    return rules.next_slot(account_id, now) if account_state == accounts.CONNECTED else None


def accounts_due() -> list[uuid.UUID]:
    """Connected accounts whose own run of these twelve hours is still to be made."""
    now = clock.now()
    last = select(CspRun.account_id, func.max(CspRun.asked_at).label("asked_at")).group_by(CspRun.account_id).subquery()
    found = db.session.execute(
        select(CspAccount.id, CspAccount.consented_at, last.c.asked_at)
        .outerjoin(last, last.c.account_id == CspAccount.id)
        .where(CspAccount.state == accounts.CONNECTED)
        .order_by(CspAccount.id)
    )
    return [row.id for row in found if rules.is_due(row.id, now, connected_at=row.consented_at, asked_at=row.asked_at)]


RUN_KEYS = (CspRun.number,)
_RUNS = select(
    CspRun.id, CspRun.number, CspRun.state, CspRun.trigger, CspRun.asked_by_name, CspRun.asked_at, CspRun.started_at, CspRun.ended_at,
    CspRun.stop_asked_by_name, CspRun.is_partial, CspRun.error,
)  # fmt: skip


@dataclass(frozen=True)
class RunLine:
    """A run as the history lists it, with what it read of each kind."""

    run: Any
    #: kind -> CspRunKind's done, new, changed
    kinds: dict[str, Any]
    #: customers and documents that Microsoft refused
    refused: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.run, name)

    def done(self, kind: str) -> int:
        return self.kinds[kind].done if kind in self.kinds else 0


def run_page(
    account_id: uuid.UUID, *, after: str | None = None, before: str | None = None, size: int = 10
) -> tuple[Page, list[RunLine]]:
    """A page of the account's runs, the newest first. Two statements, and a third where something was refused."""
    page = page_of(_of(account_id), RUN_KEYS, after=after, before=before, size=size)
    return page, _with_kinds(page.rows)


def every_run(account_id: uuid.UUID) -> Iterator[RunLine]:
    """All of them, the newest first, for a file."""
    some: list[Any] = []
    for row in streamed(_of(account_id).order_by(CspRun.number.desc())):
        some.append(row)
        if len(some) == 200:
            yield from _with_kinds(some)
            some = []
    yield from _with_kinds(some)


def _of(account_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    found: Select[*tuple[Any, ...]] = _RUNS.where(CspRun.account_id == account_id)
    return found


def _with_kinds(rows: Iterable[Any]) -> list[RunLine]:
    rows = list(rows)
    kinds: dict[uuid.UUID, dict[str, Any]] = {row.id: {} for row in rows}
    found = select(
        CspRunKind.run_id, CspRunKind.kind, CspRunKind.done, CspRunKind.new, CspRunKind.changed
    ).where(CspRunKind.run_id.in_(list(kinds)))  # fmt: skip
    for kind in db.session.execute(found) if rows else ():
        kinds[kind.run_id][kind.kind] = kind
    refused = _refused_of([row.id for row in rows if row.is_partial])
    return [RunLine(row, kinds[row.id], refused.get(row.id, 0)) for row in rows]


def _refused_of(run_ids: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many subjects of each run; one that was refused for two kinds is one."""
    if not run_ids:
        return {}
    found = (
        select(CspRefusal.run_id, func.count(CspRefusal.subject.distinct()).label("refused"))
        .where(CspRefusal.run_id.in_(run_ids))
        .group_by(CspRefusal.run_id)
    )
    return {row.run_id: row.refused for row in db.session.execute(found)}


def usual_minutes(account_id: uuid.UUID) -> tuple[int, int] | None:
    """The shortest and the longest of the last completed runs, in whole minutes; None before the first."""
    found = db.session.execute(
        select(CspRun.started_at, CspRun.ended_at)
        .where(CspRun.account_id == account_id, CspRun.state == states.COMPLETED)
        .order_by(CspRun.number.desc())
        .limit(USUAL_OF)
    )
    lengths = [int((row.ended_at - row.started_at).total_seconds() // 60) for row in found if row.started_at]
    return (min(lengths), max(lengths)) if lengths else None


def refusals_of(run_id: uuid.UUID, limit: int = REFUSALS_SHOWN) -> Sequence[Any]:
    """What Microsoft refused of a run, each subject once, in the order in which it was met."""
    found = db.session.execute(
        select(
            CspRefusal.kind,
            CspRefusal.subject,
            CspRefusal.name,
            CspRefusal.status,
            CspRefusal.code,
            CspRefusal.sentence,
        )
        .where(CspRefusal.run_id == run_id)
        .order_by(CspRefusal.id)
        .limit(limit * len(states.KINDS))
    )
    seen: dict[tuple[bool, str], Any] = {}
    for row in found:
        seen.setdefault((row.kind == states.LINES, row.subject), row)
    return list(seen.values())[:limit]


def refused_count(run_id: uuid.UUID, most: int = 1000) -> int:
    """How many subjects; counted up to `most`."""
    some = select(CspRefusal.subject).where(CspRefusal.run_id == run_id).distinct().limit(literal_column(str(most)))
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0
