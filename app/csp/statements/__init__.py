"""Statements: what a customer is billed for one of Microsoft's documents, frozen and versioned, sell side only.

"PDF billing statement, versioned by generation time": figures on a screen may move, the statement is what counts. What the partner
alone may see of one, its cost, stands in a table of its own.
"""
