"""What may be done in reselling. Cost, mark-up and margin are for who holds one of these, and never for a customer."""

from app.foundation.permissions import declare
from app.foundation.text import N_

MANAGE_ACCOUNTS = declare("csp-account:manage", N_("Register, connect and disconnect CSP accounts"))
RUN_DISCOVERY = declare("csp-discovery:run", N_("Trigger and stop discovery of CSP accounts"))
MANAGE_CUSTOMERS = declare(
    "csp-customer:manage", N_("Set CSP customers' mark-up, tax, budget and monitoring, and link them to organisations")
)
OVERRIDE = declare("csp-document:override", N_("Let statements be issued for a document that does not reconcile"))
VIEW_CUSTOMERS = declare("csp-customer:view", N_("View CSP customers, their subscriptions and the dashboard"))
VIEW_BILLING = declare("csp-billing:view", N_("View CSP invoices with cost, mark-up and sell amounts"))
ISSUE = declare("csp-statement:issue", N_("Issue statements to CSP customers"))
VIEW_OWN_CLOUD = declare("cloud:view-own", N_("View the organisation's own cloud statements and spending"))
