"""A policy as values, and how it is read from a document and written as one."""
