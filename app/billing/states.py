"""A billing entry's machine. Pure."""

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
