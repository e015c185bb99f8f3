"""CSP customers: the tenants that buy through a partner, discovered and never typed in, and the terms they are sold on.

A customer of the portal may be linked to one; then its people see their statements. "CA as a Partner use mark-ups to charge customer
on top of what they are billed from Microsoft services. Customers → Budget Settings."
"""
