"""Microsoft's invoices and credit notes, line by line and as sent, reconciled to the last digit, and what they come to for each customer.

"Billing will provide all the invoices details generated till date along with the billing details of customers per invoice." A document's
total is the sum of its billing lines. Lines have no id, so a document's lines are loaded whole into a new, invisible version, which
takes the old one's place in one step.
"""
