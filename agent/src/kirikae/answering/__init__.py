"""Answers for this machine: the question put together, decided with the engine, told in words."""
