"""The signals of projects: repositories, their remotes, and where ssh remotes really go."""
