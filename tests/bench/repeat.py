"""`.ci/bench repeat`: whether `kirikae bench` gives the same figures again, with a real llama-server and a tiny model.

A machine that does other work gives other figures each time: run it on a quiet one, or before the other work.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from kirikae.home import Enrolment, Home
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.portal import Portal
from tests.agent.standin import standin
from tests.runtimes.llama_server import running_llama_server
from tests.runtimes.tiny_gguf import write_tiny_gguf

TIMES, DEPTHS = 4, (512, 4096)
# Of two layers a prompt of 512 tokens takes 4 ms, about as long as an interruption by another process.
LAYERS = 4
FIGURES = {"prompt_tokens_per_s": "prompt", "decode_tokens_per_s": "decode"}
ALLOWED = 0.05


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kirikae-repeat-") as name, ExitStack() as stack:
        folder = Path(name)
        model = folder / "tiny.gguf"
        write_tiny_gguf(model, layers=LAYERS)
        server = stack.enter_context(running_llama_server(model))
        portal = Portal()
        home = enrolled(folder / "home", portal, stack.enter_context(standin(portal)))
        print(f"kirikae bench, {TIMES} times in a row, load {os.getloadavg()[0]:.1f}")
        runs = [bench(home, server.base_url) for _ in range(TIMES)]
    met = [tell(runs, depth, figure) for depth in DEPTHS for figure in FIGURES]
    return 0 if all(met) else 1


def enrolled(path: Path, portal: Portal, url: str) -> Home:
    home = Home(path)
    home.prepare()
    enrolment = Enrolment(url, machine="m_1", name="bench", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
    return home


def bench(home: Home, url: str) -> dict[tuple[int, str], float]:
    """What one run of the command kept, by depth and figure."""
    depths = [word for depth in DEPTHS for word in ("--depth", str(depth))]
    environment = os.environ | {"KIRIKAE_HOME": str(home.path), "KIRIKAE_RUNTIMES": url, "KIRIKAE_LANG": "en"}
    command = [sys.executable, "-m", "kirikae", "bench", *depths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    print("\n".join(f"  {line}" for line in done.stdout.splitlines() if "tokens/s" in line))
    kept = json.loads((home.path / "benchmarks.json").read_text())["benchmarks"]
    newest = {one["depth_tokens"]: one for one in sorted(kept, key=lambda one: one["measured_at"])}
    return {(depth, figure): newest[depth][figure] for depth in DEPTHS for figure in FIGURES}


def tell(runs: list[dict[tuple[int, str], float]], depth: int, figure: str) -> bool:
    values = [run[depth, figure] for run in runs]
    share = max(values) / min(values) - 1
    verdict = "met" if share <= ALLOWED else "MISSED"
    told = "  ".join(f"{value:7.1f}" for value in values)
    print(f"{FIGURES[figure]} at {depth:5}: {told} tokens/s  differ by {share:.1%}  target {ALLOWED:.0%}: {verdict}")
    return share <= ALLOWED


if __name__ == "__main__":
    sys.exit(main())
