"""The life of one run of the self-check, and of one run of a job that a person asked for."""

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

ASKED, BEGUN, PASSED, FAILED = "asked", "begun", "passed", "failed"
BEGIN, PASS, FAIL = "begin", "pass", "fail"

#: A run of a job. It is not ours to stop: the job leaves by itself. Killed in the middle it stays begun; nobody waits for it.
JOB_TRANSITIONS = {
    (ASKED, BEGIN): BEGUN,
    (BEGUN, PASS): PASSED,
    (BEGUN, FAIL): FAILED,
}
JOB_EVENTS = {BEGIN: "job_run_begun", PASS: "job_run_passed", FAIL: "job_run_failed"}
