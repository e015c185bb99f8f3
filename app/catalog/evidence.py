"""Metering evidence: up to three files that show how the metrics are metered.

The guide asks for a screenshot of the estimator, one of the rated usage, and the usage as it was submitted; PDF, PNG or
JPEG. A file is what its content says it is. Who may not see the product is told that there is no such file.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import undefer

from app.catalog import listing_events as events
from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.file_kinds import MOST_BYTES, kind_of
from app.catalog.listing_queries import own_product
from app.catalog.model import Evidence, ListingReview, Product
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import N_

#: the guide's three uploads
SLOTS = {
    "estimator": N_("Screenshot of the estimator"),
    "rated-usage": N_("Screenshot of the rated usage"),
    "submitted-usage": N_("Usage as it was submitted"),
}
#: letters of a file's name that are kept
LONGEST_NAME = 100


def add_evidence(product: Product, *, slot: str, file_name: str, content: bytes, by: Viewer) -> Evidence:
    """The slot's file, in place of the one before. Refused: another kind of file, an empty one, one that is too large."""
    by.must(EDIT_PRODUCT)
    if slot not in SLOTS:
        raise Refused("file", N_("Choose what the file shows."))
    if not content:
        raise Refused("file", N_("Choose a file; an empty one shows nothing."))
    if len(content) > MOST_BYTES:
        raise Refused("file", N_("The file is larger than 5 MB."))
    kind = kind_of(content)
    if kind is None:
        raise Refused("file", N_("This is no PDF, PNG or JPEG: its content says otherwise, whatever it is called."))
    digest = hashlib.sha256(content).hexdigest()
    with transaction() as session:
        product = _open_to_evidence(product, by)
        _clear(product, slot)
        session.flush()
        added = Evidence(
            product_id=product.id,
            seller_id=product.seller_id,
            partner_id=product.partner_id,
            slot=slot,
            file_name=_shown_name(file_name) or f"{slot}.{kind.extension}",
            content_type=kind.content_type,
            size=len(content),
            digest=digest,
            content=content,
            uploaded_by_name=by.member_name,
            uploaded_at=clock.now(),
        )
        session.add(added)
        history.record(product, events.EVIDENCE_ADDED, by=by, file=added.file_name, digest=digest)
    return added


def remove_evidence(product: Product, *, evidence_id: uuid.UUID, by: Viewer) -> Product:
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _open_to_evidence(product, by)
        found = db.session.scalar(
            select(Evidence).where(
                Evidence.id == evidence_id, Evidence.product_id == product.id, Evidence.replaced_at.is_(None)
            )
        )
        if found is None:
            raise NotVisible
        name = found.file_name
        _clear(product, found.slot)
        history.record(product, events.EVIDENCE_REMOVED, by=by, file=name)
    return product


def has_uploaded(member_id: uuid.UUID, sent: Sequence[Evidence]) -> bool:
    """Whether some of these files are this member's own, as History knows it."""
    digests = {file.digest for file in sent}
    added = select(History.facts).where(
        History.subject_kind == "product",
        History.subject_id.in_({file.product_id for file in sent}),
        History.event == events.EVIDENCE_ADDED,
        History.by_member_id == member_id,
    )
    with acting_for_all("who uploaded what is reviewed, for whichever organisation"):
        return any(json.loads(facts)["digest"] in digests for facts in db.session.scalars(added))


def evidence_file(product_id: uuid.UUID, evidence_id: uuid.UUID) -> Evidence:
    """One file with its bytes, for its partner and the operator; NotVisible for everybody else."""
    found = db.session.scalar(
        select(Evidence)
        .where(Evidence.id == evidence_id, Evidence.product_id == product_id)
        .options(undefer(Evidence.content))
    )
    if found is None:
        raise NotVisible
    return found


def _open_to_evidence(product: Product, by: Viewer) -> Product:
    product = own_product(product.id, by=by, lock=True)
    if product.state != states.PRICING_APPROVED:
        raise Refused(
            "file",
            N_("Evidence is uploaded between the approval of the pricing and its own review; not in this state."),
        )
    product.version += 1
    return product


def _clear(product: Product, slot: str) -> None:
    """Take the slot's file away: what was once sent for review is kept, what was not is deleted."""
    found = db.session.scalar(
        select(Evidence).where(Evidence.product_id == product.id, Evidence.slot == slot, Evidence.replaced_at.is_(None))
    )
    if found is None:
        return
    sent = db.session.scalar(
        select(
            exists().where(
                ListingReview.product_id == product.id,
                ListingReview.kind == "evidence",
                ListingReview.submitted_at >= found.uploaded_at,
            )
        )
    )
    if sent:
        found.replaced_at = clock.now()
    else:
        db.session.delete(found)


def _shown_name(name: str) -> str:
    """The last part of what the sender called it, without what no page shows; a long one keeps its beginning and its ending."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip()
    if len(shown) <= LONGEST_NAME:
        return shown
    stem, dot, ending = shown.rpartition(".")
    ending = f"…{dot}{ending}" if stem and len(ending) <= 10 else "…"
    return shown[: LONGEST_NAME - len(ending)].rstrip() + ending
