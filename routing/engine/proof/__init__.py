"""What can be said of a policy without a request: proofs, loosening changes, and what it probably did not mean."""
