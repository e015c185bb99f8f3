"""A billing entry's machine, and that of a correction after close. Pure."""

SUBMITTED = "submitted"
IN_REVIEW = "in_review"
RATED = "rated"
REJECTED = "rejected"
WITHDRAWN = "withdrawn"

RATE = "rate"
REJECT = "reject"
SEND_TO_REVIEW = "send_to_review"
WITHDRAW = "withdraw"

TRANSITIONS = {
    (SUBMITTED, RATE): RATED,
    (SUBMITTED, REJECT): REJECTED,
    (SUBMITTED, SEND_TO_REVIEW): IN_REVIEW,
    (SUBMITTED, WITHDRAW): WITHDRAWN,
    (IN_REVIEW, RATE): RATED,
    (IN_REVIEW, REJECT): REJECTED,
}
#: neither rated nor refused yet: provisional amounts
UNDECIDED = (SUBMITTED, IN_REVIEW)

EVENTS = {
    RATE: "billing_rated",
    REJECT: "billing_rejected",
    SEND_TO_REVIEW: "billing_in_review",
    WITHDRAW: "billing_withdrawn",
}

#: what an entry is: the partner's own, or one of the two that a correction books
ENTRY, REVERSAL, REBILL = "entry", "reversal", "rebill"

# A correction: one person asks, another one decides.
REQUESTED, APPROVED = "requested", "approved"
APPROVE = "approve"

CORRECTION_TRANSITIONS = {
    (REQUESTED, APPROVE): APPROVED,
    (REQUESTED, REJECT): REJECTED,
    (REQUESTED, WITHDRAW): WITHDRAWN,
}
CORRECTION_EVENTS = {
    APPROVE: "correction_approved",
    REJECT: "correction_rejected",
    WITHDRAW: "correction_withdrawn",
}
