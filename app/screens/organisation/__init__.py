"""The organisation one acts for: its members."""
