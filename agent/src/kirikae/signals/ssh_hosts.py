"""Where an ssh remote really goes: `Host` entries of the ssh configuration can give any name to any server."""

from __future__ import annotations

import re
from functools import cache

from kirikae.clients.programs import find_tool
from kirikae.engine.named_tuple import NamedTuple

# Reads configuration only; a `Match exec` of the user's own may take a moment.
SSH_TIMEOUT_S = 1.0
DEFAULT_PORT = "22"
# Compiled when first used: most projects are reached by https.
_URL = r"(?:git\+ssh|ssh\+git|ssh)://(?:(?P<user>[^@/]+)@)?(?P<host>[^:/\[\]]+)(?::(?P<port>\d*))?/(?P<path>.*)"
_SCP = r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^:/@\[\]]+):(?!//)(?P<path>.*)"
_SAFE_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
# Of `core.sshCommand`: what does not change which server is reached. Anything else may, and is never run to find out:
# a repository that came in an archive brings its own configuration.
_HARMLESS_FLAGS = frozenset(["-4", "-6", "-A", "-a", "-C", "-k", "-n", "-q", "-T", "-v", "-vv", "-vvv", "-x"])
_HARMLESS_SETTINGS = frozenset(
    [
        "addkeystoagent",
        "batchmode",
        "compression",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "identitiesonly",
        "identityagent",
        "identityfile",
        "loglevel",
        "serveraliveinterval",
        "stricthostkeychecking",
        "userknownhostsfile",
    ]
)
_NO_CONFIGURATION = ("none", "/dev/null")


class SshCommand(NamedTuple):
    """How git is told to call ssh: with the user's configuration, or with none."""

    reads_configuration: bool = True


def read_ssh_command(text: str | None) -> SshCommand | None:
    """None when it may lead anywhere: another program, another configuration, another host."""
    if text is None:
        return SshCommand()
    import shlex  # noqa: PLC0415 - few have set it

    try:
        program, *options = shlex.split(text)
    except ValueError:
        return None
    return _read_options(options) if program.rpartition("/")[2] == "ssh" else None


def _read_options(options: list[str]) -> SshCommand | None:
    reads, rest = True, iter(options)
    for option in rest:
        name, value = option[:2], option[2:]
        if option in _HARMLESS_FLAGS:
            continue
        if name not in {"-i", "-o", "-F"}:
            return None
        value = value or next(rest, "")
        setting = re.split(r"[=\s]", value.strip(), maxsplit=1)[0].lower()
        if (name == "-o" and setting not in _HARMLESS_SETTINGS) or (name == "-F" and value not in _NO_CONFIGURATION):
            return None
        reads = reads and name != "-F"
    return SshCommand(reads)


def is_ssh_remote(url: str) -> bool:
    return _parse(url) is not None


def resolve_ssh_remote(url: str, command: SshCommand = SshCommand()) -> str:  # noqa: B008 - a value
    """The same address with the host and port that ssh would connect to; unchanged when it is no ssh address.

    Also unchanged when ssh cannot be asked: a name without a dot then gives no identity, which is the strict side.
    """
    found = _parse(url)
    if found is None:
        return url
    host, port = _ask_ssh(found["host"], found["user"], found.get("port") or None, command)
    if host.lower() == found["host"].lower() and port == DEFAULT_PORT:
        return url
    user = f"{found['user']}@" if found["user"] else ""
    suffix = "" if port == DEFAULT_PORT else f":{port}"
    return f"ssh://{user}{host}{suffix}/{found['path'].lstrip('/')}"


def _parse(url: str) -> dict[str, str] | None:
    match = re.fullmatch(_URL, url, re.DOTALL) or re.fullmatch(_SCP, url, re.DOTALL)
    return match.groupdict() if match else None


@cache
def _ask_ssh(host: str, user: str | None, port: str | None, command: SshCommand) -> tuple[str, str]:
    """(host name, port) of ssh's own reading of its configuration, `Match user` and included files and all."""
    import subprocess  # noqa: PLC0415 - 3 ms that a launch without ssh remotes does without

    unchanged = (host, port or DEFAULT_PORT)
    if not re.fullmatch(_SAFE_NAME, host) or not (user is None or re.fullmatch(_SAFE_NAME, user)):
        return unchanged
    program = find_tool("ssh")
    if program is None:
        return unchanged
    options = [] if command.reads_configuration else ["-F", "none"]
    options += (["-l", user] if user else []) + (["-p", port] if port else [])
    try:
        done = subprocess.run(  # noqa: S603 - host, user and port are checked, no shell
            # The developer's own ssh, which git would call.
            [program, "-G", *options, "--", host],
            capture_output=True,
            text=True,
            timeout=SSH_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return unchanged
    settings = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return settings.get("hostname", host), settings.get("port", unchanged[1])
