"""The billing month as a row: what a submit holds shared and the freeze takes alone.

"You cannot bill for previous months after the second day of the current month ends." The rule is in
foundation/billing_month.py; this room makes it hold against the clock's last millisecond: a submit takes its month's row
shared and reads the time while holding it, the freeze takes the row exclusively, so nothing accepted before the close
commits after it. Entries submitted in time stay payable: rating is not bound by the deadline.

open  --freeze-->  frozen
"""
