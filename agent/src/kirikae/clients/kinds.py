"""The coding clients that Kirikae knows, and for each how far a launch of it holds.

`may_protect` is true only where a launch with a DNS and TLS logger beside it has shown that nothing leaves.
"""

from __future__ import annotations

from kirikae.engine.named_tuple import NamedTuple


class ClientKind(NamedTuple):
    """`is_launched`: environment and arguments point it at a local model; else `kirikae run` prints what to set."""

    name: str
    is_launched: bool = False
    may_protect: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        ClientKind("claude", is_launched=True, may_protect=True),
        ClientKind("aider", is_launched=True),
        ClientKind("goose"),
        ClientKind("codex"),
        ClientKind("opencode"),
        ClientKind("cline"),
        ClientKind("continue"),
        ClientKind("droid"),
    )
}
# The command of Continue.
OTHER_NAMES = {"cn": "continue"}
# A program of the developer's own: it gets the environment, and the launch says that nothing of it was proven.
OWN_PROGRAM = ClientKind("other", is_launched=True)
