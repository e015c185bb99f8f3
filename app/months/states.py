"""A month's life. Reopening follows with the month's own screens."""

OPEN, FROZEN = "open", "frozen"
FREEZE = "freeze"

TRANSITIONS = {(OPEN, FREEZE): FROZEN}
EVENTS = {FREEZE: "month_frozen"}
