"""A product's way into the catalog. This release publishes what the operator set up; the listing screens fill the rest.

draft            --request_pricing-->     pricing_requested  --approve_pricing-->  pricing_approved
pricing_approved --submit_evidence-->     evidence_submitted --approve_evidence--> evidence_approved
evidence_approved --request_publication--> publication_requested --publish-->      published
"""

DRAFT, PUBLISHED = "draft", "published"
