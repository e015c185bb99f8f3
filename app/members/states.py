"""An invitation's machine. Pure. That it has expired unanswered follows from the clock and is derived, until it is replaced."""

OPEN = "open"
ACCEPTED = "accepted"
DECLINED = "declined"
WITHDRAWN = "withdrawn"
REPLACED = "replaced"

ACCEPT = "accept"
DECLINE = "decline"
WITHDRAW = "withdraw"
#: an expired one gives way to a new one for the same person
REPLACE = "replace"

TRANSITIONS = {
    (OPEN, ACCEPT): ACCEPTED,
    (OPEN, DECLINE): DECLINED,
    (OPEN, WITHDRAW): WITHDRAWN,
    (OPEN, REPLACE): REPLACED,
}

EVENTS = {
    ACCEPT: "invitation_accepted",
    DECLINE: "invitation_declined",
    WITHDRAW: "invitation_withdrawn",
    REPLACE: "invitation_expired",
}
