"""Two machines as literal tables: a product's way into the catalog, and a price version's way into force. Pure.

Each request waits for the operator, and comes back to where it was asked from when it is returned with feedback.
"""

DRAFT = "draft"
PRICING_REQUESTED = "pricing_requested"
PRICING_APPROVED = "pricing_approved"
EVIDENCE_SUBMITTED = "evidence_submitted"
EVIDENCE_APPROVED = "evidence_approved"
PUBLICATION_REQUESTED = "publication_requested"
PUBLISHED = "published"
WITHDRAWN = "withdrawn"
REPUBLICATION_REQUESTED = "republication_requested"

REQUEST_PRICING = "request_pricing"
APPROVE_PRICING = "approve_pricing"
RETURN_PRICING = "return_pricing"
SUBMIT_EVIDENCE = "submit_evidence"
APPROVE_EVIDENCE = "approve_evidence"
RETURN_EVIDENCE = "return_evidence"
REQUEST_PUBLICATION = "request_publication"
PUBLISH = "publish"
RETURN_PUBLICATION = "return_publication"
WITHDRAW = "withdraw"

#: A product's. What a withdrawn one asks for has a state of its own: engagements name it, so it stays readable meanwhile.
TRANSITIONS = {
    (DRAFT, REQUEST_PRICING): PRICING_REQUESTED,
    (PRICING_REQUESTED, APPROVE_PRICING): PRICING_APPROVED,
    (PRICING_REQUESTED, RETURN_PRICING): DRAFT,
    (PRICING_APPROVED, SUBMIT_EVIDENCE): EVIDENCE_SUBMITTED,
    (EVIDENCE_SUBMITTED, APPROVE_EVIDENCE): EVIDENCE_APPROVED,
    (EVIDENCE_SUBMITTED, RETURN_EVIDENCE): PRICING_APPROVED,
    (EVIDENCE_APPROVED, REQUEST_PUBLICATION): PUBLICATION_REQUESTED,
    (PUBLICATION_REQUESTED, PUBLISH): PUBLISHED,
    (PUBLICATION_REQUESTED, RETURN_PUBLICATION): EVIDENCE_APPROVED,
    (PUBLISHED, WITHDRAW): WITHDRAWN,
    (WITHDRAWN, REQUEST_PUBLICATION): REPUBLICATION_REQUESTED,
    (REPUBLICATION_REQUESTED, PUBLISH): PUBLISHED,
    (REPUBLICATION_REQUESTED, RETURN_PUBLICATION): WITHDRAWN,
}

EVENTS = {
    REQUEST_PRICING: "pricing_requested",
    APPROVE_PRICING: "pricing_approved",
    RETURN_PRICING: "pricing_returned",
    SUBMIT_EVIDENCE: "evidence_submitted",
    APPROVE_EVIDENCE: "evidence_approved",
    RETURN_EVIDENCE: "evidence_returned",
    REQUEST_PUBLICATION: "publication_requested",
    PUBLISH: "product_published",
    RETURN_PUBLICATION: "publication_returned",
    WITHDRAW: "product_withdrawn",
}

#: What partner and operator alone may not hide from customers any more: it was published, and engagements name it.
SHOWN = (PUBLISHED, WITHDRAWN, REPUBLICATION_REQUESTED)
#: Where the operator reads the catalog entry: it must not change under the reader's eyes.
ENTRY_UNDER_REVIEW = (PUBLICATION_REQUESTED, REPUBLICATION_REQUESTED)
#: Where plans, metrics and first prices are still the partner's own.
PRICES_OPEN = (DRAFT,)
#: Where a price changes only by a case of its own.
PRICES_APPROVED = tuple(dict.fromkeys(state for state, _ in TRANSITIONS if state not in (DRAFT, PRICING_REQUESTED)))

REQUESTED, APPROVED = "requested", "approved"
REQUEST, APPROVE, RETURN = "request", "approve", "return"

#: A price version's. An approved one never changes.
PRICE_TRANSITIONS = {
    (DRAFT, REQUEST): REQUESTED,
    (REQUESTED, APPROVE): APPROVED,
    (REQUESTED, RETURN): DRAFT,
}

PRICE_EVENTS = {REQUEST: "prices_requested", APPROVE: "prices_approved", RETURN: "prices_returned"}
