"""Prepaid support: contracts, requests and the time they burn down, in the guide's validation order.

Empty until support contracts move in.
"""
