"""macOS: the command that starts a program under a profile of the system's sandbox, and a proof that it holds here.

The command is deprecated by Apple and in use everywhere (Bazel, Chromium's tests, the coding clients themselves). It
takes the program's place, so that signals, stopping and the terminal work as without.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence

SANDBOX_EXEC = "/usr/bin/sandbox-exec"
# The last rule that fits wins. Only loopback is reached: no other address and no socket of the file system, behind
# which Docker or the resolver would go on. Names are also looked up, pages opened, programs scripted and jobs started
# through other services.
PROFILE = """\
(version 1)
(allow default)
(deny network*)
(allow network-bind (local ip "localhost:*"))
(allow network-inbound (local ip "localhost:*"))
(allow network-outbound (remote ip "localhost:*"))
(deny mach-lookup
  (global-name "com.apple.dnssd.service")
  (global-name "com.apple.mDNSResponder")
  (global-name "com.apple.nsurlsessiond")
  (global-name "com.apple.nsurlsessiond.NSURLSessionProxyService"))
(deny appleevent-send)
(deny job-creation)
(deny lsopen)
"""
PROOF_S = 10.0
# A datagram socket that is connected sends nothing yet. Exit code 0: loopback answers, all else is forbidden.
PROOF = """
import errno, socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
elsewhere = [
    (socket.AF_INET, ("192.0.2.1", 9)),
    (socket.AF_INET6, ("2001:db8::1", 9)),
    (socket.AF_UNIX, "/private/var/run/mDNSResponder"),
]
for family, address in elsewhere:
    kind = socket.SOCK_STREAM if family == socket.AF_UNIX else socket.SOCK_DGRAM
    try:
        socket.socket(family, kind).connect(address)
    except PermissionError:
        continue
    sys.exit(1)
"""


def confine_by_profile(program: str, arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """(program, arguments) to start in place of these."""
    return SANDBOX_EXEC, (SANDBOX_EXEC, "-p", PROFILE, program, *arguments[1:])


def does_profile_hold(command: str = SANDBOX_EXEC) -> bool:
    """Asks the system itself: a small program under the profile tries to reach out, without sending anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        proof = [command, "-p", PROFILE, sys.executable, "-I", "-S", "-c", PROOF, port]
        try:
            done = subprocess.run(proof, capture_output=True, timeout=PROOF_S, check=False)  # noqa: S603 - our own
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0
