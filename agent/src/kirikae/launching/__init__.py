"""A launch, from the answer to the end of the client."""
