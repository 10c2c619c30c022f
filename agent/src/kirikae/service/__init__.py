"""The agent's service: heartbeats and reports, the policy kept current, and the resident agent on its socket.

One process with one thread that only waits: whatever sends, decides or may hang runs in a fork of it.
"""
