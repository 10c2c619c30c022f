"""What ends a command: a code of the texts table, the data of its sentence, and the exit code.

AgentError
├── UsageError        64  the command line or the environment
├── NotEnrolledError   4  no portal yet
├── NoPolicyError      5  no usable bundle
├── RefusedError       3  the policy permits no backend
├── PreflightError     6  the launch would not hold
└── PortalError        1  the portal answered with an error, or not at all
"""

from __future__ import annotations


class AgentError(Exception):
    exit_code = 1

    def __init__(self, code: str, **data: object) -> None:
        super().__init__(code)
        self.code = code
        self.data = data


class UsageError(AgentError):
    exit_code = 64


class NotEnrolledError(AgentError):
    exit_code = 4


class NoPolicyError(AgentError):
    exit_code = 5


class RefusedError(AgentError):
    exit_code = 3


class PreflightError(AgentError):
    exit_code = 6


class PortalError(AgentError):
    exit_code = 1
