"""How JSON from outside becomes values: the text, the shapes, and parts of a machine's report."""
