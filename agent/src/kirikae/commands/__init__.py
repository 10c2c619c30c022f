"""One module per command: `execute` takes the parsed arguments and the home, prints, and returns the exit code."""
