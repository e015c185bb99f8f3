"""The running of the installation: whether what is in the database holds, asked for by a person and answered by a job.

Our own idea, no guide's. A person asks for a run of the self-check; the job walks it, claim by claim, and notes each verdict in
a transaction of its own. Killed in the middle, the run shows no sign of life and the next one to look takes it over, after
the last claim that was noted. One run at a time: the database refuses a second one.

requested  --start------>  running
requested  --stop------->  stopped
running    --take_over-->  running
running    --put_back--->  requested
running    --stop------->  stopped
running    --finish----->  done

A run of a job may be asked for as well (asked_runs.py): asked, begun, and then passed or failed.
"""
