"""What is sold: programmes, products, plans, metrics and their prices, version by version.

"Pricing > Add plan > Usage-based ... Add metrics": a plan charges by Hours (most used), Implementation (a one-time agreed
set-up cost) or Unit (the partner's own). A price change is a new version with an effective month; an approved version
never changes, so an amount can always be explained from the version it was rated with.

A product's way into the catalog (states.TRANSITIONS); what is asked for comes back with feedback, or goes on:

draft                    --request_pricing------>  pricing_requested
pricing_requested        --approve_pricing------>  pricing_approved
pricing_requested        --return_pricing------->  draft
pricing_approved         --submit_evidence------>  evidence_submitted
evidence_submitted       --approve_evidence----->  evidence_approved
evidence_submitted       --return_evidence------>  pricing_approved
evidence_approved        --request_publication-->  publication_requested
publication_requested    --publish-------------->  published
publication_requested    --return_publication--->  evidence_approved
published                --withdraw------------->  withdrawn
withdrawn                --request_publication-->  republication_requested
republication_requested  --publish-------------->  published
republication_requested  --return_publication--->  withdrawn
"""
