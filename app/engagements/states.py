"""The engagement's machine, its completion request's, and its instance's: three axes, never mixed. Pure."""

PENDING = "pending"
ACTIVE = "active"
COMPLETION_REQUESTED = "completion_requested"
COMPLETE = "complete"
REJECTED = "rejected"
WITHDRAWN = "withdrawn"
DELETED = "deleted"

APPROVE = "approve"
REJECT = "reject"
WITHDRAW = "withdraw"
ADD_BILLING_ENTRY = "add_billing_entry"
REQUEST_COMPLETION = "request_completion"
WITHDRAW_COMPLETION_REQUEST = "withdraw_completion_request"
MARK_AS_COMPLETE = "mark_as_complete"
DECLINE_KEEP_ACTIVE = "decline_keep_active"
REJECT_COMPLETION_REQUEST = "reject_completion_request"
DELETE_INSTANCE = "delete_instance"

#: In the order of the menus.
TRANSITIONS = {
    (PENDING, APPROVE): ACTIVE,
    (PENDING, REJECT): REJECTED,
    (PENDING, WITHDRAW): WITHDRAWN,
    (ACTIVE, ADD_BILLING_ENTRY): ACTIVE,
    (ACTIVE, MARK_AS_COMPLETE): COMPLETE,
    (ACTIVE, REQUEST_COMPLETION): COMPLETION_REQUESTED,
    (COMPLETION_REQUESTED, ADD_BILLING_ENTRY): COMPLETION_REQUESTED,
    (COMPLETION_REQUESTED, MARK_AS_COMPLETE): COMPLETE,
    (COMPLETION_REQUESTED, DECLINE_KEEP_ACTIVE): ACTIVE,
    (COMPLETION_REQUESTED, REJECT_COMPLETION_REQUEST): DELETED,
    (COMPLETION_REQUESTED, WITHDRAW_COMPLETION_REQUEST): ACTIVE,
    (COMPLETE, DELETE_INSTANCE): COMPLETE,
}

#: What Current engagements lists; the rest is past.
CURRENT = (PENDING, ACTIVE, COMPLETION_REQUESTED)
PAST = (COMPLETE, REJECTED, WITHDRAWN, DELETED)
#: The same for the database, in one spelling: its indexes of current and of past engagements are found by these words.
IN_SQL = {
    name: "state IN ({})".format(", ".join(f"'{state}'" for state in its))
    for name, its in (("current", CURRENT), ("past", PAST))
}
#: Where a billing entry may be added.
BILLABLE = tuple(state for state, action in TRANSITIONS if action == ADD_BILLING_ENTRY)

EVENTS = {
    APPROVE: "request_approved",
    REJECT: "request_rejected",
    WITHDRAW: "request_withdrawn",
    REQUEST_COMPLETION: "completion_requested",
    WITHDRAW_COMPLETION_REQUEST: "completion_request_withdrawn",
    MARK_AS_COMPLETE: "marked_complete",
    DECLINE_KEEP_ACTIVE: "completion_declined",
    REJECT_COMPLETION_REQUEST: "completion_rejected",
    DELETE_INSTANCE: "instance_deleted",
}

# A completion request: at most one open an engagement; every past one keeps its row.
OPEN, ACCEPTED, REQUEST_REJECTED, REQUEST_WITHDRAWN = "open", "accepted", "rejected", "withdrawn"

# The instance the client sees in its account; it exists while the engagement is still pending.
INSTANCE_ACTIVE, INSTANCE_REMOVED = "active", "removed"
