"""Receipts of launches: what they say, the note of a running launch, the spool."""
