"""Discovery on an account's page and on its own: how far the present run is, and the runs there were.

show("csp/account.html", **parts_of(account), ...)      {% include "csp/_runs.html" %} and {% include "csp/_run_history.html" %}
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.csp.accounts.model import CspAccount
from app.csp.discovery import queries, rules, states
from app.csp.discovery.queries import RunLine
from app.csp.permissions import RUN_DISCOVERY
from app.documents import Column
from app.foundation import clock, tenancy
from app.web.instants import duration
from app.web.templating import translate

KIND_WORDS = {
    states.CUSTOMERS: _l("Customers"),
    states.SUBSCRIPTIONS: _l("Subscriptions"),
    states.USAGE: _l("Usage summaries"),
    states.INVOICES: _l("Invoices"),
    states.LINES: _l("Invoice lines"),
}
#: "maintains state which is reflected on the UI with symbol and state": the guide's five, in its words
STATE_WORDS = {
    states.NOT_STARTED: _l("Not Started"),
    states.IN_PROGRESS: _l("In Progress"),
    states.STOPPED: _l("Stopped"),
    states.ERROR: _l("Error"),
    states.COMPLETED: _l("Discovery Completed"),
}
_PROGRESS_ICONS = {
    states.WAITING: "circle-dash",
    states.READING: "in-progress",
    states.DONE: "checkmark--filled",
    states.FAILED: "error--filled",
}
_PROGRESS_WORDS = {
    states.WAITING: _l("waits for its turn"),
    states.READING: _l("is being read"),
    states.DONE: _l("read"),
    states.FAILED: _l("could not be read"),
}
#: kinds whose columns the history of runs has
SHOWN_KINDS = (states.CUSTOMERS, states.SUBSCRIPTIONS, states.INVOICES, states.LINES)
#: a run of which nobody has pressed anything for so long: one that waits for a worker says so
WAITS_SECONDS = 20


@dataclass(frozen=True)
class Runs:
    """What the two templates need."""

    account: CspAccount
    here: str
    #: the live run, else the last one; None: never started
    run: Any
    state: str
    is_live: bool
    kinds: list[dict[str, Any]]
    facts: dict[str, Any]
    refused: list[Any]
    more_refused: int
    #: why Trigger Discovery is not offered; "" where it is
    why_not: str
    may_trigger: bool
    next_at: datetime | None


def here_of(account_id: uuid.UUID) -> str:
    return f"/csp/accounts/{account_id}/discovery"


def runs_of(account: CspAccount) -> Runs:
    now, run = clock.now(), queries.last_run(account.id)
    is_live = run is not None and run.state in states.LIVE
    kinds = queries.kinds_of(run.id) if run else []
    refused = list(queries.refusals_of(run.id)) if run else []
    count = queries.refused_count(run.id) if run and len(refused) == queries.REFUSALS_SHOWN else len(refused)
    sentence = rules.why_no_run(account.state)
    why_not = (
        translate(sentence)
        if sentence
        else _("A run is in progress; it is offered again when this one ends.")
        if is_live
        else ""
    )
    return Runs(
        account=account,
        here=here_of(account.id),
        run=run,
        state=queries.shown_state(run.state) if run else states.NOT_STARTED,
        is_live=is_live,
        kinds=[_kind(kind, is_live) for kind in kinds],
        facts=_facts(account, run, kinds, now) if run else {},
        refused=refused,
        more_refused=count - len(refused),
        why_not=why_not,
        may_trigger=tenancy.current().may(RUN_DISCOVERY),
        next_at=queries.next_run_at(account.id, account.state, now),
    )


def _facts(account: CspAccount, run: Any, kinds: list[Any], now: datetime) -> dict[str, Any]:
    """What stands beside the elapsed time and below the table."""
    begun = run.started_at or run.asked_at
    usual = queries.usual_minutes(account.id)
    paused = account.paused_until if account.paused_until and account.paused_until > now else None
    waits = run.state == states.QUEUED and (now - run.asked_at).total_seconds() > WAITS_SECONDS
    return {
        "elapsed": lasted((run.ended_at or now) - begun),
        "since": begun,
        "by": asked_by(run),
        "usual": _usual(usual),
        "requests": sum(kind.requests for kind in kinds),
        "throttled": duration(seconds) if (seconds := sum(kind.throttled_seconds for kind in kinds)) else "",
        "paused_until": paused,
        "is_stopping": run.stop_asked_at is not None,
        "waits": waits,
    }


def lasted(length: timedelta) -> str:
    """'12 min 40 s'; of what was over at once, that it was."""
    return _("under 1 s") if length < timedelta(seconds=1) else duration(length)


def _usual(minutes: tuple[int, int] | None) -> str:
    if minutes is None:
        return _("A first run may take 20 to 40 minutes.")
    least, most = minutes
    if most < 1:
        return _("Recent runs took less than a minute.")
    if least == most:
        return ngettext("Recent runs took %(num)s minute.", "Recent runs took %(num)s minutes.", most)
    return _("Recent runs took %(least)s to %(most)s minutes.", least=least, most=most)


def asked_by(run: Any) -> str:
    return _("Schedule") if run.trigger == states.SCHEDULE else run.asked_by_name


def _kind(kind: Any, is_live: bool) -> dict[str, Any]:
    """One row of the progress: a bar where it is known of how much, else why there is none."""
    cursor = kind.cursor or {}
    share, words = rules.share_done(kind.done, kind.known), ""
    if kind.progress == states.DONE:
        share = 1.0
    elif kind.progress == states.FAILED:
        share, words = None, kind.error or ""
    elif not is_live:
        words = _("not read to the end") if kind.progress == states.READING else _("not begun")
        share = None
    elif kind.progress == states.WAITING:
        share, words = None, _("waits for its turn")
    elif cursor.get("of"):
        read = cursor.get("customers", cursor.get("documents", 0))
        share = rules.share_done(read, cursor["of"])
        template = _("document %(read)s of %(of)s") if "documents" in cursor else _("customer %(read)s of %(of)s")
        words = template % {"read": f"{read:,}", "of": f"{cursor['of']:,}"}
    elif share is None:
        words = _("paged, total not known before the last page")
    return {
        "label": KIND_WORDS[kind.kind],
        "progress": kind.progress,
        "icon": _PROGRESS_ICONS[kind.progress],
        "icon_words": _PROGRESS_WORDS[kind.progress],
        "value": None if share is None else round(share * 1000),
        "words": words,
        "done": kind.done,
        "known": kind.known,
        "new": kind.new,
        "changed": kind.changed,
    }


# the runs there were


@dataclass(frozen=True)
class RunRow:
    """One run as the table and the files show it."""

    number: int
    state: str
    state_words: str
    started_at: datetime
    trigger: str
    duration: str
    seconds: int
    customers: int
    subscriptions: int
    invoices: int
    lines: int
    note: str
    is_bad: bool


COLUMNS = (
    Column(_l("Run"), "number"),
    Column(_l("State"), "state_words"),
    Column(_l("Started (UTC)"), "started_at"),
    Column(_l("Trigger"), "trigger"),
    Column(_l("Seconds"), "seconds"),
    Column(_l("Customers"), "customers"),
    Column(_l("Subscriptions"), "subscriptions"),
    Column(_l("Invoices"), "invoices"),
    Column(_l("Lines"), "lines"),
    Column(_l("Note"), "note"),
)


def parts_of(account: CspAccount, after: str | None = None, before: str | None = None) -> dict[str, Any]:
    """What both templates ask for."""
    page, lines = queries.run_page(account.id, after=after, before=before)
    return {
        "runs": runs_of(account),
        "run_page": page,
        "run_rows": [run_row(line) for line in lines],
        "run_state_words": STATE_WORDS,
    }


def run_row(line: RunLine) -> RunRow:
    state = queries.shown_state(line.state)
    begun = line.started_at or line.asked_at
    length = max(timedelta(), (line.ended_at or clock.now()) - begun)
    customers, subscriptions, invoices, lines = (line.done(kind) for kind in SHOWN_KINDS)
    return RunRow(
        number=line.number,
        state=state,
        state_words=str(STATE_WORDS[state]),
        started_at=begun,
        trigger=asked_by(line),
        duration=lasted(length),
        seconds=int(length.total_seconds()),
        customers=customers,
        subscriptions=subscriptions,
        invoices=invoices,
        lines=lines,
        note=_note(line, state),
        is_bad=state == states.ERROR,
    )


def _note(line: RunLine, state: str) -> str:
    """A few words: the page of the run says the rest."""
    if state == states.ERROR:
        return line.error or ""
    told = []
    if line.stop_asked_by_name:
        told.append(_("By %(name)s", name=line.stop_asked_by_name))
    if line.is_partial:
        told.append(
            ngettext("Partial: %(num)s refused", "Partial: %(num)s refused", line.refused)
            if line.refused
            else _("Partial")
        )
    if line.number == 1:
        told.append(_("First run"))
    elif news := _news(line):
        told.append(news)
    if state == states.COMPLETED and not told:
        changed = sum(kind.changed for name, kind in line.kinds.items() if name != states.USAGE)
        told.append(_("%(count)s changed", count=f"{changed:,}") if changed else _("Nothing new"))
    return "; ".join(told)


def _news(line: RunLine) -> str:
    """What is new of the first kind that has any: customers matter more than their subscriptions, and so on."""
    for kind in SHOWN_KINDS:
        count = line.kinds[kind].new if kind in line.kinds else 0
        if count and kind == states.CUSTOMERS:
            return ngettext("%(num)s new customer", "%(num)s new customers", count)
        if count and kind == states.SUBSCRIPTIONS:
            return ngettext("%(num)s new subscription", "%(num)s new subscriptions", count)
        if count and kind == states.INVOICES:
            return ngettext("%(num)s new invoice", "%(num)s new invoices", count)
        if count:
            return ngettext("%(num)s new line", "%(num)s new lines", count)
    return ""
