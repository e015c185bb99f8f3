"""A task-run's machine, and the kinds it reads. Pure."""

QUEUED = "queued"
IN_PROGRESS = "in_progress"
COMPLETED = "completed"
STOPPED = "stopped"
ERROR = "error"
#: of the account that never had a run
NOT_STARTED = "not_started"

BEGIN = "begin"
COMPLETE = "complete"
STOP = "stop"
FAIL = "fail"

TRANSITIONS = {
    (QUEUED, BEGIN): IN_PROGRESS,
    (QUEUED, STOP): STOPPED,
    (QUEUED, FAIL): ERROR,
    (IN_PROGRESS, COMPLETE): COMPLETED,
    (IN_PROGRESS, STOP): STOPPED,
    (IN_PROGRESS, FAIL): ERROR,
}

EVENTS = {
    BEGIN: "csp_discovery_begun",
    COMPLETE: "csp_discovery_completed",
    STOP: "csp_discovery_stopped",
    FAIL: "csp_discovery_failed",
}

LIVE = (QUEUED, IN_PROGRESS)
MANUAL, SCHEDULE = "manual", "schedule"

CUSTOMERS, SUBSCRIPTIONS, USAGE, INVOICES, LINES = "customers", "subscriptions", "usage", "invoices", "lines"
#: in the order they are read
KINDS = (CUSTOMERS, SUBSCRIPTIONS, USAGE, INVOICES, LINES)
