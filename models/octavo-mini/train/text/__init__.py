"""The seeded text generator: every training text is written or computed here."""
