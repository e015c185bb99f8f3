"""Reselling Microsoft's cloud: accounts, discovery, CSP customers, invoices, mark-up and statements.

Empty until CSP reselling moves in.
"""
