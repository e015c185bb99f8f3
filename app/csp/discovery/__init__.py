"""Discovery: the standing import job of each account, and its task-runs.

"Every discovery that is triggered either manually or system triggered is defined as discovery Task-Run and each run keeps track of the
discovery progress at background and maintains state." Iterative, twice a day for each account, and incremental.

    queued --begin--> in_progress --complete--> completed
                          | --stop--> stopped          takes effect at the next page
                          | --fail--> error            with its reason
    An ended run is never reopened: the next one is a new run, which goes on with what was not fetched.

Not Started is the account's that never had a run.
"""
