"""What the portal does by itself, and when.

Every job looks into the database for what is due: the truth is in the rows, a tick only says "look". So any job may run
twice, in two processes, or be killed at any line; the next tick goes on where it was. A new job is an action of a room, a
short file here, and a row in schedule.py.
"""
