"""The coding clients: what they are, what their arguments and settings open, which of both may not be."""
