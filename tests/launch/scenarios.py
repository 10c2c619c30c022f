"""A developer's home folder with a protected and an open project, and launches in it inside a network namespace."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kirikae.home import Enrolment, Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.portal import Portal, payload_of

ROOT = Path(__file__).parents[2]
LOCAL_PORT, CLOUD_PORT = 18081, 18082
SECRET = "falcon-launches-at-dawn"
# What shows on the terminal, without its spaces, and what is typed then: the folder is trusted, one prompt, the end.
A_TYPED_SESSION = (
    ("Yes,Itrustthisfolder", "\r"),
    ("shortcuts", "say hi"),
    ("sayhi", "\r"),
    ("pong", "/exit"),
    ("/exit", "\r"),
)
RULE = {
    "id": "nda-acme",
    "effect": "local_only",
    "match": {"remotes": ["github.com/acme/**"], "paths": ["~/work/acme/**"]},
    "reason": {"en": "NDA with Acme", "ja": "Acme社とのNDA"},
}
Calls = Sequence[tuple[str, Mapping[str, object]]]
type Reach = Literal["client", "commands", "none"]
# What makes a machine able to confine less than it could: one whose kernel forbids namespaces to everybody, and one
# that has bubblewrap, which a profile of the system may permit what it forbids to others.
_LIMITS = "/proc/sys/user/max_user_namespaces /proc/sys/user/max_net_namespaces"
_NO_NAMESPACES = f'echo 0 | tee {_LIMITS} >/dev/null; exec "$@"'
_ONLY_BUBBLEWRAP = (
    "import sys; from kirikae.confining import means; means._can_confine_client = lambda platform: False; "
    "from kirikae.start import main; sys.argv = sys.argv[1:]; sys.exit(main())"
)
MACHINES: Mapping[str, tuple[str, ...]] = {
    "client": (),
    "commands": (sys.executable, "-c", _ONLY_BUBBLEWRAP),
    "none": ("unshare", "--user", "--map-root-user", "sh", "-c", _NO_NAMESPACES, "-"),
}


@dataclass
class Result:
    """`requests`: bodies and headers by port of the stub."""

    runs: list[dict[str, Any]]
    names: list[str]
    outside: list[str]
    greeted: list[str]
    requests: dict[str, list[dict[str, Any]]]

    @property
    def local(self) -> list[dict[str, Any]]:
        return self.requests.get(str(LOCAL_PORT), [])

    @property
    def cloud(self) -> list[dict[str, Any]]:
        return self.requests.get(str(CLOUD_PORT), [])


@dataclass
class Desk:
    """One developer: home folder, the agent's state, a protected and an open checkout side by side."""

    folder: Path
    managed: Mapping[str, object] | None = None
    # How far this machine can confine a client.
    reach: Reach = "client"
    steps: list[dict[str, Any]] = field(default_factory=list)
    stubs: list[tuple[int, Calls]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.state = Home(self.home / "state" / "kiri kae")
        self.protected = self.checkout("acme/app", "git@github.com:acme/app.git")
        self.open = self.checkout("site", "git@github.com:example/site.git")
        (self.protected / "plan.txt").write_text(f"{SECRET}\n")
        self.state.prepare()
        unclassified = {"identified": "cloud_ok", "anonymous": "local_only"}
        portal = Portal(payload=payload_of(unclassified=unclassified, privacy_rules=[RULE]))
        enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben", signing_key=portal.signing_key)
        self.state.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(self.state, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())

    def checkout(self, name: str, remote: str) -> Path:
        folder = self.home / "work" / name
        folder.mkdir(parents=True)
        for arguments in (["init", "-q"], ["remote", "add", "origin", remote]):
            subprocess.run(["git", "-C", str(folder), *arguments], check=True)
        return folder

    def write(self, path: Path, document: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def use_gateway(self) -> None:
        """The developer's own settings name the team's gateway to the cloud, with a key."""
        env = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{CLOUD_PORT}", "ANTHROPIC_AUTH_TOKEN": "gateway"}
        quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "ANTHROPIC_MODEL": "cloud-model"}
        self.write(self.home / ".claude" / "settings.json", {"env": env | quiet})

    def step(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        keys: Sequence[tuple[str, str]] = (),
        until_greeting: str = "",
    ) -> None:
        folder = cwd or self.protected
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        base = {
            "PATH": path,
            "HOME": str(self.home),
            "PWD": str(folder),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "KIRIKAE_HOME": str(self.state.path),
            "KIRIKAE_RUNTIMES": f"http://127.0.0.1:{LOCAL_PORT}",
        }
        step = {"argv": list(argv), "cwd": str(folder), "env": base | dict(env or {}), "keys": list(keys)}
        self.steps.append(step | {"until_greeting": until_greeting, "limit_s": 60})

    def launch(self, *arguments: str, task: str = "code-completion", cwd: Path | None = None, **more: Any) -> None:
        command = [*MACHINES[self.reach], "kirikae", "run", "--task", task, "--", "claude", *arguments]
        self.step(*command, cwd=cwd, **more)

    def play(self) -> Result:
        scenario = {"managed": self.managed, "steps": self.steps, "stubs": self.stubs}
        files = [self.folder / "scenario.json", self.folder / "result.json"]
        self.write(files[0], scenario)
        command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.launch.inside", *map(str, files)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return Result(**json.loads(files[1].read_text()))

    def files_with(self, text: str) -> list[str]:
        """Of the home folder, the protected checkout apart."""
        found = (path for path in self.home.rglob("*") if path.is_file() and self.protected not in path.parents)
        return [str(path) for path in found if text.encode() in path.read_bytes()]
