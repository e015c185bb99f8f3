"""The one charge book: rated charge lines of every wing. Months, statements and the journal read only this.

A line says who sells (seller), who delivers (partner), who pays (customer), for which service month and in which month it
is booked, what the customer is charged (gross), what the partner is due, tax beside it, and where it comes from. Lines are
never changed or removed; the database refuses it. The customer reads gross and tax, never due.
"""
