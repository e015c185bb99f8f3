"""Reselling Microsoft's cloud: accounts, discovery, CSP customers, invoices, mark-up and statements.

"Cloud Solution Provider program is a Microsoft initiated set up that lets you set your own prices and profit margins." A partner
registers its own Microsoft partner tenant (an account), the portal discovers what that tenant sells (customers, subscriptions,
invoices with their lines) and the partner bills its customers with a mark-up. Nothing is ever written to Microsoft.

    microsoft/    the wire: sign-in, paging, retries, both sources of invoice lines. Knows no table and no viewer
    accounts/     the connected tenants and their tokens
    customers/    CSP customers and subscriptions as discovered, and the terms a partner sells on: mark-up, tax, budget
    invoices/     Microsoft's documents line by line, reconciled, and what they come to for each customer
    statements/   what a customer is billed: frozen, versioned, sell side only
    discovery/    the task-runs that fill all of it
    dashboard/    customers gained and lost, spend, budgets, from kept totals

Every row names its partner and is seen by that partner alone; what a customer may see are statements' own rows. The operator
sees neither a reseller's cost nor its mark-up or margin.
"""
