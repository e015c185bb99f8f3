"""A document's lines on their way in: read whole into a new version that nobody sees, a page at a time, and put in force in one step.

    filling = begin(..., prices)          or go_on(..., prices) with one that was cut short
    filling.take(lines, cursor)           page by page, each in the caller's transaction together with where to go on
    put_in_force(filling, ...)            totals, difference and prices with it; what stood there before is over

Lines have no id, and two equal ones are two charges: none is ever left out or matched with another. Lines of versions that are
over go later, in small bites (purge).
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, select, update

from app.csp.digests import LinesDigest
from app.csp.invoices import found, pricing
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.csp.invoices.passing import Prices
from app.csp.invoices.sums import Sums, difference
from app.csp.microsoft.records import Line
from app.foundation import bulk, clock, history
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer

LINE = ("partner_id", "version_id", "sequence", *Line._fields)
_READ_BACK = select(*(getattr(CspLine, name) for name in Line._fields)).execution_options(yield_per=2000)
#: whoever reads a version when another takes its place has so long to come to an end
PURGED_AFTER = timedelta(minutes=10)
#: lines that go in one transaction
BITE = 5000


class Filling:
    """One version being filled."""

    def __init__(self, version: CspDocumentVersion, prices: Prices) -> None:
        self.version_id, self.document_id = version.id, version.document_id
        self.partner_id, self.source = version.partner_id, version.source
        self.cursor: dict[str, Any] = dict(version.cursor)
        self.lines = version.lines
        self.digest = LinesDigest(version.digest)
        self.sums, self.prices = Sums(), prices

    def take(self, lines: Sequence[Line], digest: LinesDigest, cursor: Mapping[str, Any]) -> None:
        """Write the next lines, and with them their digest and where to go on after them."""
        first, partner_id, version_id = self.lines + 1, self.partner_id, self.version_id
        bulk.insert(
            CspLine, LINE, [(partner_id, version_id, number, *line) for number, line in enumerate(lines, first)]
        )
        self.digest.join(digest)
        self.sums.add(lines)
        self.prices.add(lines)
        self.lines += len(lines)
        self.cursor = dict(cursor)
        self._save(cursor=self.cursor, lines=self.lines, digest=self.digest.hexdigest())

    def remember(self, cursor: Mapping[str, Any]) -> None:
        self.cursor = dict(cursor)
        self._save(cursor=self.cursor)

    def _save(self, **values: Any) -> None:
        db.session.execute(
            update(CspDocumentVersion)
            .where(CspDocumentVersion.id == self.version_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def begin(
    document_id: uuid.UUID, partner_id: uuid.UUID, source: str, cursor: Mapping[str, Any], prices: Prices
) -> Filling:
    """A new version. One of the same document that was cut short is over."""
    give_up_unfinished(document_id)
    version = CspDocumentVersion(
        partner_id=partner_id, document_id=document_id, source=source, cursor=dict(cursor), lines=0, digest="", begun_at=clock.now()
    )  # fmt: skip
    db.session.add(version)
    db.session.flush()
    return Filling(version, prices)


def unfinished(account_id: uuid.UUID) -> dict[uuid.UUID, CspDocumentVersion]:
    """Documents of the account and, of each, the version whose reading was cut short."""
    found = db.session.scalars(
        select(CspDocumentVersion)
        .join(CspDocument, CspDocument.id == CspDocumentVersion.document_id)
        .where(
            CspDocument.account_id == account_id,
            CspDocumentVersion.complete_at.is_(None),
            CspDocumentVersion.over_at.is_(None),
        )
        .order_by(CspDocumentVersion.id)
        .execution_options(populate_existing=True)
    )
    return {version.document_id: version for version in found}


def go_on(version: CspDocumentVersion, prices: Prices) -> Filling:
    """Take one up again that was cut short: what its lines come to so far is added up from the lines."""
    filling = Filling(version, prices)
    written = _READ_BACK.where(CspLine.version_id == version.id).order_by(CspLine.sequence)
    for some in db.session.execute(written).partitions():
        lines = [Line(*row) for row in some]
        filling.sums.add(lines)
        filling.prices.add(lines)
    return filling


def give_up_unfinished(document_id: uuid.UUID) -> None:
    _over(
        CspDocumentVersion.document_id == document_id,
        CspDocumentVersion.complete_at.is_(None),
        CspDocumentVersion.over_at.is_(None),
    )


def put_in_force(filling: Filling, *, by: Viewer) -> int | None:
    """All lines are there: the document names this version from now on. Returns how many lines it has more than the one before.

    None where it came to the very same lines: then the document only learns that it was compared, and this version is over.
    """
    try:
        return _put_in_force(filling, by=by)
    except BaseException:
        filling.prices.known.waiting.forget()
        raise


def _put_in_force(filling: Filling, *, by: Viewer) -> int | None:
    with transaction() as session:
        wanted = select(CspDocument).where(CspDocument.id == filling.document_id).with_for_update()
        document = session.scalars(wanted.execution_options(populate_existing=True)).one()
        before = session.get(CspDocumentVersion, document.version_id) if document.version_id else None
        if before is not None and (before.lines, before.digest) == (filling.lines, filling.digest.hexdigest()):
            before.cursor = dict(filling.cursor)  # Graph's mark of this state is the newer one's
            _over(CspDocumentVersion.id == filling.version_id)
            settle(document)
            return None
        filling._save(complete_at=clock.now(), digest=filling.digest.hexdigest(), cursor=filling.cursor)
        if before is not None:
            _over(CspDocumentVersion.id == before.id)
            filling.prices.known.waiting.gone(before.id)
        document.version_id = filling.version_id
        document.lines_total = filling.sums.total_in(document.currency)
        settle(document)
        session.flush()
        pricing.price_new(document, filling.version_id, filling.sums.customers(), filling.prices)
        history.record(
            document,
            found.LINES_READ,
            by=by,
            lines=str(filling.lines),
            lines_total=_spelled(document.lines_total),
            currency=document.currency,
            difference=_spelled(document.difference),
        )
        return filling.lines - (before.lines if before else 0)


def settle(document: CspDocument) -> None:
    """Compare the document's total with its lines as they stand. An override was for another difference, and lapses with it."""
    assert document.lines_total is not None
    left = difference(document.total, document.lines_total)
    if document.override_at is not None and left != document.difference:
        document.override_at = document.override_reason = document.override_by_name = None
    document.difference, document.reconciled_at, document.refusal = left, clock.now(), None
    db.session.flush()


def refuse(document_id: uuid.UUID, sentence: str) -> None:
    """Its lines cannot be read; those of a version in force stay. Written where that is news."""
    db.session.execute(
        update(CspDocument)
        .where(CspDocument.id == document_id, CspDocument.refusal.is_distinct_from(sentence))
        .values(refusal=sentence)
        .execution_options(synchronize_session=False)
    )


def _over(*where: Any) -> None:
    db.session.execute(
        update(CspDocumentVersion)
        .where(*where)
        .values(over_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def purge() -> int:
    """One bite of the lines of versions that are over, in a transaction of its own. Returns how many went; 0: there is nothing left."""
    with transaction() as session:
        version_id = session.scalar(
            select(CspDocumentVersion.id)
            .where(
                CspDocumentVersion.over_at < clock.now() - PURGED_AFTER,
                CspDocumentVersion.purged_at.is_(None),
                CspDocumentVersion.id.not_in(select(CspDocument.version_id).where(CspDocument.version_id.is_not(None))),
            )
            .order_by(CspDocumentVersion.over_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if version_id is None:
            return 0
        first = session.scalar(select(func.min(CspLine.sequence)).where(CspLine.version_id == version_id))
        if first is not None:
            gone = delete(CspLine).where(CspLine.version_id == version_id, CspLine.sequence < first + BITE)
            return int(getattr(session.execute(gone), "rowcount", 0))
        session.execute(delete(CspDocumentTotal).where(CspDocumentTotal.version_id == version_id))
        session.execute(
            update(CspDocumentVersion).where(CspDocumentVersion.id == version_id).values(purged_at=clock.now())
        )
        return 1


def _spelled(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"
