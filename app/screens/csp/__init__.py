"""Cloud reselling (CSP)."""
