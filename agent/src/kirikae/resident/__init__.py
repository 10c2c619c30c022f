"""The resident agent: one process keeps the compiled policy and fresh facts, and answers `ask` and `run` on a socket.

The wrapper sends its arguments, folder and environment; a fork of the warm process does what the wrapper would have
done itself, so both ways give one answer, and the wrapper prints it or becomes the client.
"""
