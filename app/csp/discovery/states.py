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
COMPLETE_WITHOUT_NEWS = "complete_without_news"
STOP = "stop"
FAIL = "fail"

TRANSITIONS = {
    (QUEUED, BEGIN): IN_PROGRESS,
    (QUEUED, STOP): STOPPED,
    (QUEUED, FAIL): ERROR,
    (IN_PROGRESS, COMPLETE): COMPLETED,
    (IN_PROGRESS, COMPLETE_WITHOUT_NEWS): COMPLETED,
    (IN_PROGRESS, STOP): STOPPED,
    (IN_PROGRESS, FAIL): ERROR,
}

#: A run tells when, by whom and how far in its own row. The account's history tells what came of it: of a run that found nothing
#: new, which most are, nothing.
EVENTS = {
    BEGIN: None,
    COMPLETE: "csp_discovery_completed",
    COMPLETE_WITHOUT_NEWS: None,
    STOP: "csp_discovery_stopped",
    FAIL: "csp_discovery_failed",
}

LIVE = (QUEUED, IN_PROGRESS)
MANUAL, SCHEDULE = "manual", "schedule"

CUSTOMERS, SUBSCRIPTIONS, USAGE, INVOICES, LINES = "customers", "subscriptions", "usage", "invoices", "lines"
#: in the order they are read
KINDS = (CUSTOMERS, SUBSCRIPTIONS, USAGE, INVOICES, LINES)

#: how far a run is with one kind
WAITING, READING, DONE, FAILED = "waiting", "reading", "done", "failed"
