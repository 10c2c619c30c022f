"""The policy on this machine: kept, its age, and the quick question whether it changed."""
