"""Summary report, provider report, provider invoice, payables, receivables and the journal, all read from the charge book.

Empty until the marketplace moves in.
"""
