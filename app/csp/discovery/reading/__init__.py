"""A run at work: what is read, kind by kind, and written down a page at a time.

    run             from the claim to the end, and what each trouble means
    work            the run as its parts see it: pages that are committed with the claim, refusals, looking for Stop
    fetching        so many requests at a time, each in a thread
    customers, subscriptions, usage, documents, lines      one kind each

Threads ask Microsoft; one writer, the run's own thread, has the database. What is in memory does not grow with the lines.
"""
