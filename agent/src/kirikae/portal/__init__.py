"""What is asked of the portal and sent to it; the hot path takes none of it but `own_requests`."""
