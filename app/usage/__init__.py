"""Billing triggers: a trigger creates a subscription or increments an accumulator; what it counts is rated by price version.

Empty until the marketplace moves in.
"""
