"""What is sold: programmes, products, plans, metrics and their prices, version by version.

"Pricing > Add plan > Usage-based ... Add metrics": a plan charges by Hours (most used), Implementation (a one-time agreed
set-up cost) or Unit (the partner's own). A price change is a new version with an effective month; an approved version
never changes, so an amount can always be explained from the version it was rated with.
"""
