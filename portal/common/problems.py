"""One body for every error of the API: problem+json with `code, detail, field, docs`."""
