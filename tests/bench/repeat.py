"""`.ci/bench repeat`: whether `kirikae bench` gives the same figures again, with a real llama-server and a small model.

A machine that does other work gives other figures each time: run it on a quiet one, or before the other work. Two lines
tell what is the machine's and what the method's own: how fast memory alone is read beside each benchmark, and the same
runs, drawn at random, for many benchmarks.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
from kirikae.bench.conditions import Conditions
from kirikae.bench.run import GENERATED_TOKENS, Run
from kirikae.bench.runners import LlamaCpp
from kirikae.bench.series import Series
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.home import Enrolment, Home
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.portal import Portal
from tests.agent.standin import standin
from tests.runtimes.llama_server import running_llama_server
from tests.runtimes.tiny_gguf import write_tiny_gguf

TIMES, DEPTHS = 4, (512, 4096)
# On one core a run of 512 tokens takes half a second and one of 4,096 four: less than those of a model of eight
# billion parameters on a Mac. A prompt of the tests' tiny model is over within one interruption.
LAYERS, WIDTH = 4, 512
FIGURES = {"prompt_tokens_per_s": "prompt", "decode_tokens_per_s": "decode"}
ALLOWED = 0.05
RECORDED, TRIES = 25, 500
MEMORY_S = 3.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kirikae-repeat-") as name, ExitStack() as stack:
        folder = Path(name)
        model = folder / "small.gguf"
        write_tiny_gguf(model, layers=LAYERS, width=WIDTH)
        server = stack.enter_context(running_llama_server(model))
        portal = Portal()
        home = enrolled(folder / "home", portal, stack.enter_context(standin(portal)))
        print(f"kirikae bench, {TIMES} times in a row, load {os.getloadavg()[0]:.1f}")
        paces, runs = [], []
        for _ in range(TIMES):
            runs.append(bench(home, server.base_url))
            paces.append(memory_pace(model.stat().st_size))
        runner = LlamaCpp(Runtime("llama_cpp", server.base_url, "up"), Model(server.model))
        recorded = {depth: [runner.run(depth) for _ in range(RECORDED)] for depth in DEPTHS}
    told = "  ".join(f"{pace:7.1f}" for pace in paces)
    print(f"memory alone, after each: {told} readings/s of as much as the model  differ by {difference(paces):.1%}")
    met = [tell(runs, depth, figure) for depth in DEPTHS for figure in FIGURES]
    for depth in DEPTHS:
        tell_drawn(recorded[depth], depth)
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


def memory_pace(size_bytes: int) -> float:
    """How often a second one thread reads so much: the floor of decoding, which reads the whole model for a token."""
    content = np.ones(size_bytes // 4, dtype=np.float32)
    took_s: list[float] = []
    while sum(took_s) < MEMORY_S:
        started = time.perf_counter()
        content.sum()
        took_s.append(time.perf_counter() - started)
    return 1 / median(took_s)


def tell(runs: list[dict[tuple[int, str], float]], depth: int, figure: str) -> bool:
    values = [run[depth, figure] for run in runs]
    share = difference(values)
    verdict = "met" if share <= ALLOWED else "MISSED"
    told = "  ".join(f"{value:7.1f}" for value in values)
    print(f"{FIGURES[figure]} at {depth:5}: {told} tokens/s  differ by {share:.1%}  target {ALLOWED:.0%}: {verdict}")
    return share <= ALLOWED


def difference(values: Sequence[float]) -> float:
    """Of the two that lie farthest apart."""
    return max(values) / min(values) - 1


class Drawn:
    """A runner that gives recorded runs in no order, and the clock that goes on with them."""

    def __init__(self, recorded: Sequence[Run]) -> None:
        self._recorded, self._random = recorded, random.Random(0)
        self._now_s = 0.0

    def run(self, _depth_tokens: int) -> Run:
        run = self._random.choice(self._recorded)
        self._now_s += run.first_token_s + GENERATED_TOKENS / run.decode_tokens_per_s
        return run

    def now_s(self) -> float:
        return self._now_s


def tell_drawn(recorded: Sequence[Run], depth: int) -> None:
    drawn = Drawn(recorded)
    with patch("kirikae.bench.series.monotonic", drawn.now_s):
        tries = [[benched(drawn, depth) for _ in range(TIMES)] for _ in range(TRIES)]
    for figure, name in FIGURES.items():
        differences = [difference([one[figure] for one in group]) for group in tries]
        apart = sum(one > ALLOWED for one in differences) / TRIES
        print(
            f"{name} at {depth:5}, drawn from {len(recorded)} runs: {TIMES} differ by {median(differences):.1%}, "
            f"by more than {ALLOWED:.0%} in {apart:.1%} of {TRIES} tries"
        )


def benched(runner: Drawn, depth: int) -> dict[str, float]:
    series = Series(depth, Conditions())
    while not series.is_done:
        series.add_run(runner)
    return {figure: median(getattr(run, figure) for run in series.runs) for figure in FIGURES}


if __name__ == "__main__":
    sys.exit(main())
