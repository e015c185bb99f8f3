"""What a customer does: browse the catalog, request a service, follow the engagement, read the charges. Gross and tax only."""
