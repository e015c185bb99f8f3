"""Cloud reselling: accounts, CSP customers, invoices and statements."""
