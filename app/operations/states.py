"""The life of one run of the self-check."""

REQUESTED, RUNNING, DONE, STOPPED = "requested", "running", "done", "stopped"
START, TAKE_OVER, PUT_BACK, FINISH, STOP = "start", "take_over", "put_back", "finish", "stop"

TRANSITIONS = {
    (REQUESTED, START): RUNNING,
    (REQUESTED, STOP): STOPPED,
    (RUNNING, TAKE_OVER): RUNNING,
    (RUNNING, PUT_BACK): REQUESTED,
    (RUNNING, STOP): STOPPED,
    (RUNNING, FINISH): DONE,
}
EVENTS = {
    START: "check_started",
    TAKE_OVER: "check_taken_over",
    PUT_BACK: "check_put_back",
    FINISH: "check_finished",
    STOP: "check_stopped",
}
#: nobody has to wait for these any more
ENDED = (DONE, STOPPED)
OPEN = (REQUESTED, RUNNING)
