"""Runs one scenario in the namespace that it was started in: `python -m tests.launch.inside SCENARIO RESULT`."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.launch.stub_model import StubModel
from tests.launch.wire import Wire

_MOVES = re.compile(r"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|[78=>]|\][^\x07]*\x07)")
# That nothing more comes is no event that could be awaited.
SETTLE_S = 0.4


def main(scenario_file: str, result_file: str) -> None:
    scenario = json.loads(Path(scenario_file).read_text())
    _lay_etc(Path(scenario_file).parent / "etc", scenario["managed"])
    wire = Wire()
    wire.tap()
    stubs = [StubModel(port=port, calls=calls) for port, calls in scenario["stubs"]]
    for stub in stubs:
        stub.serve()
    runs = [_play(step, wire) for step in scenario["steps"]]
    time.sleep(SETTLE_S)
    result = {"runs": runs, "names": wire.names, "outside": wire.outside, "greeted": wire.greeted}
    requests = {stub.port: stub.requests for stub in stubs}
    Path(result_file).write_text(json.dumps(result | {"requests": requests}))


def _lay_etc(folder: Path, managed: Mapping[str, object] | None) -> None:
    """A copy of /etc in its place, with our name server and the managed settings, for this mount namespace only."""
    shutil.copytree("/etc", folder, symlinks=True, ignore=shutil.ignore_patterns("claude-code", "resolv.conf"))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    if managed is not None:
        (folder / "claude-code").mkdir()
        (folder / "claude-code" / "managed-settings.json").write_text(json.dumps(managed))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", str(folder), "/etc"], check=True)


def _play(step: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    if step["until_greeting"]:
        return _run_until(step, wire)
    return _run_in_terminal(step) if step["keys"] else _run(step)


def _run_until(step: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    """Ends the program once it has greeted this host: by itself it would try again for minutes."""
    with subprocess.Popen(step["argv"], cwd=step["cwd"], env=step["env"], stdout=subprocess.DEVNULL) as program:
        deadline = time.monotonic() + step["limit_s"]
        while time.monotonic() < deadline and not any(step["until_greeting"] in one for one in wire.greeted):
            time.sleep(0.05)
        program.kill()
    return {"code": program.returncode, "out": "", "err": ""}


def _run(step: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        step["argv"],
        cwd=step["cwd"],
        env=step["env"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=step["limit_s"],
        check=False,
    )
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def _run_in_terminal(step: Mapping[str, Any]) -> dict[str, Any]:
    """`keys`: (what must stand on the screen, what is then typed)."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(step["cwd"])
        os.execvpe(step["argv"][0], step["argv"], step["env"])  # noqa: S606 - the program under test
    seen, keys = "", list(step["keys"])
    deadline = time.monotonic() + step["limit_s"]
    while time.monotonic() < deadline:
        readable, _, _ = select.select([terminal], [], [], 0.3)
        try:
            seen += os.read(terminal, 65536).decode("utf-8", "replace") if readable else ""
        except OSError:
            break  # the other side has closed: the program ended
        if keys and not readable and keys[0][0] in _without_spaces(seen):
            os.write(terminal, keys.pop(0)[1].encode())
            seen += "\n"
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "out": seen, "err": "", "keys_left": len(keys)}


def _without_spaces(text: str) -> str:
    """Full-screen programs place words by moving the cursor."""
    return "".join(_MOVES.sub("", text).split())


if __name__ == "__main__":
    main(*sys.argv[1:])
