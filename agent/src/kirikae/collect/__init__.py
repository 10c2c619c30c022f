"""Readers of facts about this machine: each is small and returns a value or a named absence, never a guess."""
