"""How the system starts the service: a launchd agent of the user on a Mac, a systemd user unit on Linux."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LABEL = "dev.kirikae.agent"
UNIT = "kirikae.service"
RESTART_S = 30
# What the service needs of the shell that installs it: git, ssh and vendors' tools are found by PATH.
CARRIED = (
    "PATH",
    "KIRIKAE_HOME",
    "KIRIKAE_RUNTIMES",
    "KIRIKAE_RUNTIMES_ALLOW_REMOTE",
    "KIRIKAE_RUNTIMES_ONLY",
    "KIRIKAE_LANG",
    "LC_ALL",
    "LANG",
    "XDG_STATE_HOME",
    "SSL_CERT_FILE",
)


@dataclass(frozen=True)
class Unit:
    """A file, what it says, and the commands that start, end and find the service."""

    path: Path
    content: str
    start: tuple[tuple[str, ...], ...]
    stop: tuple[tuple[str, ...], ...]


def service_command(listen: str | None) -> list[str]:
    # -I: neither the folder that the service starts in nor the user's Python settings add modules.
    return [sys.executable, "-I", "-m", "kirikae", "service", "run", *(["--listen", listen] if listen else [])]


def unit_of(platform: str, *, listen: str | None, environment: Mapping[str, str] = os.environ) -> Unit:
    carried = {name: environment[name] for name in CARRIED if environment.get(name)}
    command = service_command(listen)
    return _launchd(command, carried) if platform == "darwin" else _systemd(command, carried, environment)


def _launchd(command: Sequence[str], carried: Mapping[str, str]) -> Unit:
    logs = Path.home() / "Library" / "Logs" / "Kirikae" / "agent.log"
    path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    document = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(carried),
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": RESTART_S,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "StandardOutPath": str(logs),
        "StandardErrorPath": str(logs),
    }
    domain = f"gui/{os.getuid()}"
    return Unit(
        path=path,
        content=plistlib.dumps(document, sort_keys=False).decode(),
        start=(("launchctl", "bootout", f"{domain}/{LABEL}"), ("launchctl", "bootstrap", domain, str(path))),
        stop=(("launchctl", "bootout", f"{domain}/{LABEL}"),),
    )


def _systemd(command: Sequence[str], carried: Mapping[str, str], environment: Mapping[str, str]) -> Unit:
    config = environment.get("XDG_CONFIG_HOME")
    lines = [
        "[Unit]",
        "Description=Kirikae agent",
        "",
        "[Service]",
        # In the program's own name, and in variables, a dollar is one.
        f"ExecStart={_quoted(command[0])} {' '.join(_quoted(word).replace('$', '$$') for word in command[1:])}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in carried.items()),
        "Restart=always",
        f"RestartSec={RESTART_S}",
        "Nice=10",
        "IOSchedulingClass=idle",
        "NoNewPrivileges=true",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    systemctl = ("systemctl", "--user")
    return Unit(
        path=(Path(config) if config else Path.home() / ".config") / "systemd" / "user" / UNIT,
        content="\n".join(lines),
        start=((*systemctl, "daemon-reload"), (*systemctl, "enable", UNIT), (*systemctl, "restart", UNIT)),
        stop=((*systemctl, "disable", "--now", UNIT),),
    )


def _quoted(text: str) -> str:
    """One word for systemd, which expands `%`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'
