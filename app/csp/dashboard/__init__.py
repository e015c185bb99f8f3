"""The partner's view of all it resells: customers gained and lost, what Microsoft bills by account and month, who is over budget.

"Customers per month and year: total, gained, lost, percent change." Everything is read from kept totals: what it costs knows the
number of a partner's customers and documents, and nothing of their lines. Currencies stand beside each other and are never added.
"""
