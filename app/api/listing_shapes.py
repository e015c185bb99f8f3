"""A product's listing as rows become JSON, and the one way in which it is changed."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.api.operations import once
from app.api.shapes import named
from app.billing.testing import proven
from app.catalog import states
from app.catalog.checklist import checklist, who_has_the_ball
from app.catalog.evidence import SLOTS
from app.catalog.listing_queries import evidence_now, own_listing, own_product
from app.catalog.model import CustomParameter, Evidence, Product
from app.catalog.queries import programme_of
from app.catalog.reviews import RETURNED
from app.foundation import tenancy, transitions
from app.foundation.refusals import Refused
from app.web.templating import translate

#: What a partner asks for, as the addresses spell it; the other arrows of the table are the operator's.
ASKS = {
    states.REQUEST_PRICING: "request-pricing",
    states.SUBMIT_EVIDENCE: "submit-evidence",
    states.REQUEST_PUBLICATION: "request-publication",
    states.WITHDRAW: "withdraw",
}


def listing(product_id: uuid.UUID) -> Product:
    """The own product with parameters, plans and prices, or NotVisible."""
    return own_listing(product_id, by=tenancy.current())


def change(product_id: uuid.UUID, body: dict[str, Any], do: Callable[[Product, int], Any]) -> uuid.UUID:
    """Do it to the own product, at the version that the body names, or at whichever there is. 404 before anything else."""
    own_product(product_id, by=tenancy.current())

    def done() -> Any:
        product = own_product(product_id, by=tenancy.current(), lock=True)
        return do(product, body.get("version", product.version))

    return once(body, done)


@contextmanager
def named_as_sent(names: Mapping[str, str] | Callable[[str], str]) -> Iterator[None]:
    """What a form calls `plan` may be `plan_id` in a body: refusals name the field that was sent."""
    try:
        yield
    except Refused as no:
        field = names(no.field) if callable(names) else names.get(no.field, no.field)
        raise Refused(field, no.sentence, **no.facts) from no


def head(product: Product) -> dict[str, Any]:
    """Listing."""
    return {
        **named(product.id, product.name),
        "slug": product.slug,
        "status": product.state,
        "version": product.version,
        "ball": who_has_the_ball(product),
    }


def entry(product_id: uuid.UUID) -> dict[str, Any]:
    """CatalogEntry."""
    product = listing(product_id)
    programme = programme_of(product_id)
    return {
        **head(product),
        "programme": named(programme.id, programme.name),
        "edition": product.edition,
        "category": product.category,
        "summary": product.summary,
        "description": product.description,
        "request_email": product.request_email,
        "support": product.support,
        "parameters": [{"id": asked.id, **parameter(asked)} for asked in product.parameters],
        "locked": product.state in states.ENTRY_UNDER_REVIEW,
    }


def parameter(asked: CustomParameter) -> dict[str, Any]:
    """Parameter, as partner and customer are given it."""
    return {
        "key": asked.key,
        "label": asked.label,
        "kind": asked.kind,
        "options": asked.options,
        "required": asked.required,
    }


def to_do(product_id: uuid.UUID, latest: Any) -> dict[str, Any]:
    """Checklist. `latest`: the product's last request, a row of catalog.reviews, or None."""
    product = listing(product_id)
    lines = checklist(product, evidence_now(product_id))
    tested = None if product.state in states.SHOWN else proven(product_id)
    return {
        **head(product),
        "lines": [
            {
                "key": line.key,
                "text": translate(line.text),
                "done": line.done,
                "ball": line.ball,
                "missing": [translate(sentence, facts) for sentence, facts in line.missing],
            }
            for line in lines
        ],
        "feedback": review(latest) if latest is not None and latest.outcome == RETURNED else None,
        "tested": tested,
        "actions": [
            ASKS[action] for action in transitions.actions_from(states.TRANSITIONS, product.state) if action in ASKS
        ],
    }


def review(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "plan": row.plan_name,
        "price_number": row.price_number,
        "submitted_at": row.submitted_at,
        "submitted_by": row.submitted_by_name,
        "outcome": row.outcome,
        "reason": row.reason,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by_name,
    }


def evidence(file: Evidence) -> dict[str, Any]:
    return {
        "id": file.id,
        "slot": file.slot,
        "label": translate(SLOTS[file.slot]),
        "file_name": file.file_name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.digest,
        "uploaded_at": file.uploaded_at,
        "uploaded_by": file.uploaded_by_name,
        "replaced_at": file.replaced_at,
    }
