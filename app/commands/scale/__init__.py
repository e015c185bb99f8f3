"""`./run scale`: many machines, shown on one. PostgreSQL from a wheel, two web processes behind a relay, three workers, the demo.

Each child may be killed at any moment: it is started again, and what it had under way is taken over by the others. With
DATABASE_URL=postgresql://... it uses that server and leaves it as it is; else PostgreSQL is a fresh one that goes at the end.
`scale.json` in INSTANCE_PATH tells other programs the addresses and the process ids.
"""
