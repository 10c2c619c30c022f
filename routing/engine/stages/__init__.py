"""The stages of a decision, in the order that the engine's `__init__` tells; `decide` runs them."""
