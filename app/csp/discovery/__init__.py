"""Discovery: the standing import job of each account, and its task-runs.

"Every discovery that is triggered either manually or system triggered is defined as discovery Task-Run and each run keeps track of the
discovery progress at background and maintains state." Iterative, twice a day for each account, and incremental.

queued       --begin-->                  in_progress
queued       --stop-->                   stopped
queued       --fail-->                   error
in_progress  --complete-->               completed
in_progress  --complete_without_news-->  completed
in_progress  --stop-->                   stopped
in_progress  --fail-->                   error

Stop takes effect at the next page. An ended run is never reopened: the next one is a new run, which goes on with what was not fetched.
Not Started is the account's that never had a run.

    actions, claiming   who may begin and end a run, and which worker has it
    reading/            a run at work: four requests at a time, one writer, a cursor with every page
    queries             runs and their progress, as pages and programs see them
"""
