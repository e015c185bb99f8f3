"""Flask plumbing that every screen stands on: guard, viewer, fragments, forms, filters, errors, headers."""
