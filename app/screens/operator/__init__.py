"""What the operator does: decide what waits for a person, set the programmes' rules, know who does business here."""
