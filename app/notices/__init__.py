"""Telling the world: takes what rooms put into the outbox and mails it. Nobody imports this room but jobs and screens.

"An email will be sent to this address when a user requests the software instance." A decision never waits for a mail
server: it is made and its notice written in one transaction; what is here happens afterwards, as often as it takes. A row is
claimed for a while, mailed with no transaction open, and marked sent. Killed in between, it is mailed once more, under
the same Message-ID, so that a mail program can tell; it is never lost.
"""
