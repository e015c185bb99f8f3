"""Rows for tests, made through the rooms' own actions wherever there is one. Each wants an app context, none a viewer.

    operator = make_organisation("Operator", operator=True)           # once; the others find it or make it
    partner, customer = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
    product = make_product(partner=partner, bands=[("1000", "1.00"), (None, "0.90")], model="graduated")
    engagement = make_engagement(product, customer)                   # active since the first of last month
    entry = make_entry(engagement, "12.5")                            # submitted for this month; rated=True: rated
    with viewing(as_partner(partner)): ...                            # every role of the capacity, or only those named

`product.plans[0].metrics[0]` is loaded. `at=` takes the instant at which the row is made; the portal's clock stands there meanwhile.
"""

from tests.makers.billing import make_entry, rate
from tests.makers.catalog import make_product, make_programme
from tests.makers.engagements import make_engagement
from tests.makers.months import ask_correction, close_month, correct, freeze_month
from tests.makers.parties import (
    as_customer,
    as_operator,
    as_partner,
    make_member,
    make_membership,
    make_organisation,
    the_operator,
)

__all__ = [
    "as_customer",
    "as_operator",
    "as_partner",
    "ask_correction",
    "close_month",
    "correct",
    "freeze_month",
    "make_engagement",
    "make_entry",
    "make_member",
    "make_membership",
    "make_organisation",
    "make_product",
    "make_programme",
    "rate",
    "the_operator",
]
