"""Whether all of it held: the books against the database, the answers against what is tolerated, the logs, the memory."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.billing import states as entry_states
from app.engagements import states
from benchmarks.soak.books import DECISION, ENTRY, GRID, RECORD, REQUEST, REVIEW, WITHDRAWAL, Books, Write
from benchmarks.soak.killing import Fate
from benchmarks.soak.memory import Growth
from benchmarks.soak.rows import Event, Rows, id_of

#: a connection may be cut so long after a kill: what was accepted for a process that is being started waits in its queue
CUT_WITHIN_SECONDS = 15.0
#: and the database be missed so long after it answers again: who waits for a connection is told late
MISSED_WITHIN_SECONDS = 5.0
#: problems of a claim that are told
SAID = 8


@dataclass
class Finding:
    claim: str
    looked: int
    problems: list[str] = field(default_factory=list)


def judge(books: Books, rows: Rows, fate: Fate) -> Iterator[Finding]:
    """What the books say of the rows and the answers."""
    made = books.of(REQUEST, ENTRY, RECORD, GRID)
    yield Finding("what was answered is there, once; the rest at most once", len(made), list(_made(made, rows)))
    engagements = [one for found in rows.engagements.values() for one in found]
    walks = _walks(books, rows)
    yield Finding("engagements are where their decisions led, as History says", len(engagements), list(walks))
    entries = [one for mark, found in rows.entries.items() if mark.startswith("Soak ") for one in found]
    yield Finding(
        "entries were submitted once, decided once, charged once", len(entries), list(_entries(entries, rows))
    )
    taken_back = books.of(WITHDRAWAL, REVIEW)
    yield Finding(
        "withdrawals and reviews that were answered count, the others do not",
        len(taken_back),
        list(_decided(books, rows)),
    )
    left = [f"{rows.undecided} entries wait to be rated"] if rows.undecided else []
    left += [f"still to be sent: {notice}" for notice in rows.unsent]
    left += [f"still held: {job}" for job in rows.held_jobs]
    yield Finding("no work is left lying", 1, left)
    answers = sum(books.answers.values())
    yield Finding("every answer is an expected one", answers, books.surprises)
    yield Finding(
        "5xx only while the database is away: 503, with Retry-After", len(books.broken), list(_broken(books, fate))
    )
    yield Finding(
        "connections are cut only by a kill or a restart",
        len(books.cuts) + len(books.refused),
        list(_cuts(books, fate)),
    )


def memory(growths: list[Growth]) -> Finding:
    grown = [
        f"{one.role}: {one.first_mb:.0f} MB in the first third, {one.last_mb:.0f} MB in the last"
        for one in growths
        if not one.flat
    ]
    return Finding("memory is flat, first third against last", sum(one.samples for one in growths), grown)


def _made(writes: list[Write], rows: Rows) -> Iterator[str]:
    for write in writes:
        found = (rows.engagements if write.kind == REQUEST else rows.entries).get(write.what, [])
        wanted = {1} if write.done else {0} if write.status is not None else {0, 1}
        if write.facts.get("maybe"):
            wanted = {0, 1}
        if len(found) not in wanted:
            yield f"{write.who}: {write.kind} {write.what!r}, answered {write.status}, is there {len(found)} times"
        elif write.done and write.result and id_of(write.result) != found[0][0]:
            yield f"{write.who}: {write.kind} {write.what!r} was answered {write.result} and is {found[0][0]}"


def _walks(books: Books, rows: Rows) -> Iterator[str]:
    decisions: dict[str, Counter[str]] = {}
    unanswered: dict[str, Counter[str]] = {}
    for write in books.of(DECISION):
        if write.done or write.status is None:
            of = decisions if write.done else unanswered
            of.setdefault(id_of(write.subject), Counter())[states.EVENTS[write.what]] += 1
    for name, found in rows.engagements.items():
        for engagement_id, state in found:
            events = rows.history.get(engagement_id, [])
            yield from (f"{name}: {wrong}" for wrong in _walked(events, state, states.PENDING))
            told = Counter(event.name for event in events[1:])
            said = decisions.get(engagement_id, Counter())
            lost, extra = said - told, told - said - unanswered.get(engagement_id, Counter())
            if lost or extra:
                yield f"{name}: answered but not in History {dict(lost)}; in History but not answered {dict(extra)}"


def _walked(events: list[Event], state: str, first: str) -> Iterator[str]:
    """One event after the other from the first state to where the row stands."""
    if not events:
        yield "it has no History"
        return
    steps = [event for event in events if event.to_state]
    if (start := steps[0].from_state or steps[0].to_state) != first:
        yield f"its History begins with {start}"
    for before, after in pairwise(steps):
        if before.to_state != after.from_state:
            yield f"{after.name} began at {after.from_state}, after {before.to_state}"
    if steps and steps[-1].to_state != state:
        yield f"it is {state}, and its History ends with {steps[-1].to_state}"


def _entries(entries: list[tuple[str, str]], rows: Rows) -> Iterator[str]:
    for entry_id, state in entries:
        events = Counter(event.name for event in rows.about.get(entry_id, []))
        decisions = sum(
            events[entry_states.EVENTS[verb]]
            for verb in (entry_states.RATE, entry_states.REJECT, entry_states.WITHDRAW)
        )
        charged = rows.charged.get(entry_id, 0)
        undecided = state in entry_states.UNDECIDED
        if events["billing_submitted"] != 1:
            yield f"entry {entry_id} was submitted {events['billing_submitted']} times"
        if decisions != (0 if undecided else 1) or events["billing_in_review"] > 1:
            yield f"entry {entry_id} is {state}, by {dict(events)}"
        if charged != (1 if state == entry_states.RATED else 0):
            yield f"entry {entry_id} is {state} and has {charged} charge lines"


def _decided(books: Books, rows: Rows) -> Iterator[str]:
    for write in books.of(WITHDRAWAL):
        state = rows.entry_states.get(id_of(write.subject))
        if write.status is not None and (state == entry_states.WITHDRAWN) != write.done:
            yield f"{write.who} took {write.what} back, was answered {write.status}, and it is {state}"
    yes = Counter(id_of(write.subject) for write in books.of(REVIEW) if write.done)
    for write in books.of(REVIEW):
        subject = id_of(write.subject)
        state = rows.entry_states.get(subject)
        expected = entry_states.RATED if write.what == "approve" else entry_states.REJECTED
        if write.done and (state != expected or yes[subject] != 1):
            yield f"{write.who} {write.what}: entry {subject} is {state}, and {yes[subject]} were told that they decided it"


def _broken(books: Books, fate: Fate) -> Iterator[str]:
    for answer in books.broken:
        away = _away(answer.at, fate)
        if not (away and answer.status == 503 and answer.retry_after):
            when = "while the database was away" if away else "with nothing wrong"
            yield f"{answer.who}: {answer.method} {answer.route} {answer.status} {when}, request {answer.request_id}"


def _away(at: float, fate: Fate) -> bool:
    """Whether the database was away then, or had just been; logs know whole seconds."""
    return any(began - 1 <= at <= ended + MISSED_WITHIN_SECONDS for began, ended in fate.database_away)


def _cuts(books: Books, fate: Fate) -> Iterator[str]:
    kills = [at for at, _ in fate.kills]

    def explained(at: float) -> bool:
        return _away(at, fate) or any(0 <= at - kill <= CUT_WITHIN_SECONDS for kill in kills)

    yield from (
        f"{who}: {path}: {why}, with no kill before it" for at, who, path, why in books.cuts if not explained(at)
    )
    yield from ("a connection was refused, with no kill before it" for at in books.refused if not explained(at))


# What the processes have logged


def logged(logs: list[Path], fate: Fate) -> Finding:
    """No failure in a log that the database's absence does not explain."""
    problems: Counter[str] = Counter()
    lines = 0
    for log in logs:
        at = 0.0
        for line in log.read_text(errors="replace").splitlines():
            lines += 1
            if stamped := _STAMP.match(line):  # gunicorn's own lines; its tracebacks follow them
                at = datetime.fromisoformat(stamped[1]).timestamp()
            if wrong := _wrong_in(line, at, fate):
                problems[f"{log.name}: {wrong}"] += 1
    return Finding("the logs hold no failure", lines, [f"{times} x {what}" for what, times in problems.most_common()])


_STAMP = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+\d{4})\]")
_RAISED = re.compile(r"[\w.]*(Error|Exception|Exit|Invalid\w+)\b.*:")
_FAILED = {
    "request failed",
    "job_failed",
    "error page failed",
    "job_result_not_noted",
    "database away",
    "asked_check_failed",
}


def _wrong_in(line: str, at: float, fate: Fate) -> str:
    try:
        said: Any = json.loads(line)
    except ValueError:
        wrong = _RAISED.match(line) and not _away(at, fate)
        return re.sub(r'"c_\w+"', "...", line.strip()) if wrong else ""
    if not isinstance(said, dict) or said.get("level") not in ("error", "critical", "warning"):
        return ""
    if "at" in said and _away(datetime.fromisoformat(said["at"]).timestamp(), fate):
        return ""
    if said["level"] == "warning" and said["event"] not in _FAILED:
        return ""
    last = str(said.get("exception", "")).strip().splitlines()[-1:] or [""]
    return f"{said['event']} {said.get('job', said.get('path', ''))} {last[0]}".strip()
