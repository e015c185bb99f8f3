"""What the database says at the end, read past the portal: rows of the soak by their marks, and every event about them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, create_engine, text


@dataclass(frozen=True)
class Event:
    name: str
    about: str
    from_state: str
    to_state: str


@dataclass
class Rows:
    """Ids are hexadecimal without dashes, as id_of() makes them."""

    #: mark -> (id, state) of each row that carries it
    engagements: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    entries: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    #: of any entry, by id
    entry_states: dict[str, str] = field(default_factory=dict)
    #: of an engagement, in order
    history: dict[str, list[Event]] = field(default_factory=dict)
    #: of a billing entry, in order
    about: dict[str, list[Event]] = field(default_factory=dict)
    #: entry id -> how many charge lines
    charged: dict[str, int] = field(default_factory=dict)
    undecided: int = 0
    #: notices that wait to be sent, with what they wait for
    unsent: list[str] = field(default_factory=list)
    #: jobs of the queues that are held, with their workers' silence
    held_jobs: list[str] = field(default_factory=list)


def id_of(value: Any) -> str:
    return str(value or "").replace("-", "")


def read(url: str) -> Rows:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return _read(connection)
    finally:
        engine.dispose()


def _read(connection: Connection) -> Rows:
    def ask(statement: str) -> Iterable[Any]:
        return connection.execute(text(statement)).all()

    rows = Rows()
    by_mark: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in ask("SELECT id, name, state FROM engagement WHERE name LIKE 'Soak %'"):
        by_mark[row.name].append((id_of(row.id), row.state))
    rows.engagements = dict(by_mark)
    by_mark = defaultdict(list)
    for row in ask("SELECT id, notes, state FROM billing_entry"):
        rows.entry_states[id_of(row.id)] = row.state
        by_mark[row.notes].append((id_of(row.id), row.state))
    rows.entries = dict(by_mark)
    history: defaultdict[str, list[Event]] = defaultdict(list)
    about: defaultdict[str, list[Event]] = defaultdict(list)
    found = ask(
        "SELECT subject_id, event, about_id, from_state, to_state FROM history WHERE subject_kind = 'engagement' "
        "ORDER BY subject_id, sequence"
    )
    for row in found:
        event = Event(row.event, id_of(row.about_id), row.from_state or "", row.to_state or "")
        (about[event.about] if event.about else history[id_of(row.subject_id)]).append(event)
    rows.history, rows.about = dict(history), dict(about)
    charges = (
        "SELECT source_id, count(*) AS lines FROM charge_line WHERE source_kind = 'billing-entry' GROUP BY source_id"
    )
    rows.charged = {id_of(row.source_id): row.lines for row in ask(charges)}
    rows.undecided = waiting(connection)[0]
    notices = ask("SELECT template, due_at, tries, last_error FROM outbox WHERE sent_at IS NULL")
    rows.unsent = [f"{row.template}, due {row.due_at}, tried {row.tries} times: {row.last_error}" for row in notices]
    if connection.dialect.name == "postgresql":
        held = ask("SELECT task_name, lock, worker_id FROM procrastinate_jobs WHERE status = 'doing'")
        rows.held_jobs = [f"{row.task_name} ({row.lock}), worker {row.worker_id}" for row in held]
    return rows


def waiting(connection: Connection) -> tuple[int, int]:
    """Entries that wait to be rated, and notices that wait to be sent, for whatever reason."""
    undecided = connection.scalar(text("SELECT count(*) FROM billing_entry WHERE state = 'submitted'"))
    unsent = connection.scalar(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))
    return int(undecided or 0), int(unsent or 0)
