"""`./run soak`: everybody works, and processes are killed under them. What was answered must be there, once.

People sign in, read lists and details, request, approve, submit, review, export; a program submits batches with its key. Each
write carries a key of its own and is sent again after a cut connection until it is answered, as a careful client does. Meanwhile
kill -9 takes web processes, their masters and workers at random, and PostgreSQL is stopped with immediate mode and started again.
books.py writes down what was answered; verdict.py compares it with the database, `flask check all`, the logs and the memory.

Tolerated: connections that are cut while a process is killed or the database is away, and 503 with Retry-After while the
database is away. Nothing else: no other 5xx, no lost session, no write that is missing, doubled or changed.
"""
