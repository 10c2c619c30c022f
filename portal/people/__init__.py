"""Pages about people. They stand above machines, for those belong to people."""
