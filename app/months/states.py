"""A month's life, and that of the wish to reopen it. Pure."""

OPEN, FROZEN, CLOSED, REOPENED = "open", "frozen", "closed", "reopened"
FREEZE, CLOSE, REOPEN = "freeze", "close", "reopen"

TRANSITIONS = {
    (OPEN, FREEZE): FROZEN,
    (FROZEN, CLOSE): CLOSED,
    (FROZEN, REOPEN): REOPENED,
    (CLOSED, REOPEN): REOPENED,
    (REOPENED, FREEZE): FROZEN,
}
EVENTS = {FREEZE: "month_frozen", CLOSE: "month_closed", REOPEN: "month_reopened"}

#: where no entry is accepted
SHUT = (FROZEN, CLOSED)

# A wish to reopen: one person asks, another one confirms.
REQUESTED, CONFIRMED, DECLINED = "requested", "confirmed", "declined"
CONFIRM, DECLINE = "confirm", "decline"

REOPENING_TRANSITIONS = {(REQUESTED, CONFIRM): CONFIRMED, (REQUESTED, DECLINE): DECLINED}
REOPENING_EVENTS = {CONFIRM: "month_reopening_confirmed", DECLINE: "month_reopening_declined"}
