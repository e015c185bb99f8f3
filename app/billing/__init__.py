"""Billing entries and their rating.

"Enter the quantity based on the unit usage and unit cost. Optionally, enter extra notes. Click Next to submit the billing
information. Each billing submission has a lifecycle, which is an asynchronous process where the usage submission is rated
or rejected. The approval process typically takes up to 24 hours."

The partner states a month, a metric and a quantity, never a price. A job rates it within seconds, by delta against what
the month already holds; an amount above the programme's review threshold waits for a person of the operator. A rated
entry is never edited.

submitted  --rate-->            rated
submitted  --reject-->          rejected
submitted  --send_to_review-->  in_review
submitted  --withdraw-->        withdrawn
in_review  --rate-->            rated
in_review  --reject-->          rejected
"""
