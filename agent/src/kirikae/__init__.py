"""Kirikae's agent and command-line wrapper: facts about this machine, decisions from the verified bundle, launches."""

__version__ = "0.1.0"
