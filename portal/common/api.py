"""Shared ground of the REST API: parsing."""
