"""The wire to Microsoft: Login with Microsoft, the Partner Center API and Graph's export, read and never written.

Knows no table and no viewer: what it is given are base addresses, a source of tokens and a pause that all workers share; what it
gives are pages of records (records.py).
"""
