"""History of very many rows at once: the chains that history.record() would have made, one row after the other."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.foundation import announcements, bulk, clock, outbox
from app.foundation.chains import COLUMNS, Chain
from app.foundation.database import canonical_json, db
from app.foundation.history import EVENTS, History, HistoryHead, Subject, check_facts, notices_of, parties_of
from app.foundation.tenancy import Viewer, acting_for_all

#: whose chain it is: the subject's kind and id
ChainKey = tuple[str, uuid.UUID]


def record_many(
    happened: Sequence[tuple[Subject, dict[str, Any]]],
    event: str,
    *,
    by: Viewer,
    from_state: str | None = None,
    to_state: str | None = None,
    at: datetime | None = None,
) -> None:
    """The same event for many rows, in their order: each chain grows as by record(), one after the other.

    The chains' ends are locked in one statement, always in the same order, and the rows go in together. Rows may be light: what
    record() asks of a row is its history_subject(), its `id`, its parties and `is_test`.
    """
    if not happened:
        return
    at, declared = at or clock.now(), EVENTS[event]
    for _row, facts in happened:
        check_facts(declared, facts)
    if declared.tells:
        _tell(happened, event)
    announced: list[tuple[str, uuid.UUID, int]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        """Each chain's next ones, made while those before them are being written."""
        for (row, facts), subject in zip(happened, subjects, strict=True):
            own_id, chain, parties = getattr(row, "id", None), chains[subject], parties_of(row)
            if chain.parties != (parties.get("seller_id"), parties.get("partner_id"), parties.get("customer_id")):
                chain = chains[subject] = chain.goes_on_for(**parties)
            about_id = own_id if own_id != subject[1] else None
            if not getattr(row, "is_test", False):
                announced.append((*subject, chain.length + 1))
            yield chain.grow(event, at, by.member_id, by.label, from_state, to_state, about_id, canonical_json(facts))

    with acting_for_all("append to history chains"):
        subjects = [row.history_subject() for row, _ in happened]
        chains, begun = _held_chains(set(subjects))
        bulk.insert(History, COLUMNS, rows())
        _move_heads(chains, begun)
        announcements.post_many(announced, event, at)


def _tell(happened: Sequence[tuple[Subject, dict[str, Any]]], event: str) -> None:
    """One notice a subject: what two rows of one chain tell in the same words is told once."""
    told = set()
    for row, facts in happened:
        subject = row.history_subject()
        for notice in notices_of(row, event, facts):
            words = (subject, canonical_json(vars(notice)))
            if words not in told:
                told.add(words)
                outbox.post(notice, subject_kind=subject[0], subject_id=subject[1])


def _held_chains(subjects: set[ChainKey]) -> tuple[dict[ChainKey, Chain], set[ChainKey]]:
    """Many chains as far as they have grown, and those of them that begin here.

    Their ends are locked in the order of their keys, so that two batches never wait for each other in a ring.
    """
    wanted = (
        select(HistoryHead.subject_kind, HistoryHead.subject_id, HistoryHead.length, HistoryHead.hash)
        .where(
            HistoryHead.subject_kind.in_(sorted({kind for kind, _ in subjects})),
            HistoryHead.subject_id.in_({subject_id for _, subject_id in subjects}),
        )
        .order_by(HistoryHead.subject_kind, HistoryHead.subject_id)
        .with_for_update()
    )
    db.session.flush()
    given = {
        subject: subject for subject in subjects
    }  # their own objects, by which each row then finds its chain at a glance
    held = {
        subject: Chain(*subject, length=head.length, hash=head.hash)
        for head in db.session.execute(wanted)
        if (subject := given.get((head.subject_kind, head.subject_id)))
    }
    begun = subjects - held.keys()
    return held | {subject: Chain(*subject) for subject in begun}, begun


def _move_heads(chains: dict[ChainKey, Chain], begun: set[ChainKey]) -> None:
    """Each head onto its chain's new end."""
    grown = {subject: (chain.subject_id, chain.kind, chain.length, chain.hash) for subject, chain in chains.items()}
    names = ("subject_id", "subject_kind", "length", "hash")
    bulk.insert(HistoryHead, names, (grown[subject] for subject in sorted(begun)))
    bulk.update(HistoryHead, names[:2], names[2:], [end for subject, end in grown.items() if subject not in begun])
