"""Reselling Microsoft's cloud: dashboard, accounts, CSP customers, invoices and statements."""
