"""The billing month as a row: what a submit holds shared, the freeze takes alone, and the close writes down for good.

"You cannot bill for previous months after the second day of the current month ends." The rule is in
foundation/billing_month.py; this room makes it hold against the clock's last millisecond: a submit takes its month's row
shared and reads the time while holding it, the freeze takes the row exclusively, so nothing accepted before the close
commits after it. Entries submitted in time stay payable: rating is not bound by the deadline.

So a month ends in two steps. At its cut-off a job freezes it: no entry is accepted any more. When nothing in it is undecided
and its figures tie, a person closes it: totals by programme and the root hash of all history are stored. What turns out wrong
later is corrected in an open month. A closed or frozen month can be reopened, by two people or from the command line; it then
takes entries until somebody freezes or closes it by hand, because its cut-off has passed long ago.

open      --freeze-->  frozen
frozen    --close--->  closed
frozen    --reopen-->  reopened
closed    --reopen-->  reopened
reopened  --freeze-->  frozen
"""
