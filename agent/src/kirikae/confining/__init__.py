"""Keeps a launched program, and all that it starts, from every network but this machine's loopback."""
