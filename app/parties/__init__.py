"""Who does business here: the operator, partners and customers.

An organisation is one row an installation and may be partner, customer or both. What ties a partner to a customer is a row
of its own, so that no partner learns of another's customers.
"""
