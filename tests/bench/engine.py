"""`.ci/bench engine`: what a decision costs, by the number of rules. A benchmark to read, not a test to pass.

Measured in CPU time of the whole process (so that what else runs here does not count; reading that clock adds about
0.6 µs to each figure). A decision is `decide` with one project (remote, folder, root commit) on a Mac with one measured
model, with all reasons, near misses, alternatives and the launch recipe. What the peers are given stands in
`engine_peers`; they keep nothing, so that new and known projects are one to them.

What is warm: the process has decided before, from this policy, for this Mac and this task. `new`: every project is
seen for the first time. `again`: the same 200 projects come over and over. `day`: what a team asks, part of it known,
part new, each Mac with another report after ten questions of it (`engine_questions`). For 1,000 rules three colder
cases stand apart: the Mac has just sent another report; one in which its models are served otherwise; the task has a
context of its own size. In all of them the project is new too. `rules only` is the one thing that engine and peers do
alike: from an address in its normal form to the rules that match it.
"""

import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from routing.engine.bundle import build_payload, parse_payload
from routing.engine.bundle_value import Bundle
from routing.engine.compiled import dump_compiled
from routing.engine.decide import decide
from routing.engine.facts import MachineFacts, Situation
from routing.engine.policy.document import parse_policy
from tests.bench.engine_peers import Peer, cedar, own_matching, zen_table
from tests.bench.engine_questions import (
    Question,
    again,
    new_projects,
    reported,
    served_anew,
    sized,
    task_request,
    team_day,
)
from tests.bench.rule_workload import Asked, make_requests, make_rules, policy_sections
from tests.golden.run import DATA, Worlds

SIZES = (10, 100, 1_000, 10_000)
DECISIONS, WARM_UP, ROUNDS = 4_000, 200, 3
PEER_ROUND_S = 3.0
ROOT = Path(__file__).resolve().parents[2]
ONE_SHOT = """
import gc, sys, time
from datetime import UTC, datetime
from pathlib import Path
{imports}
from kirikae.engine.facts import Situation
request = wire.parse_request(b'{{"task": "multi-file-edit", "projects": [{{"remotes": ["https://{address}"]}}]}}')
gc.disable()  # as the wrapper does until it has its answer
content = Path(sys.argv[1]).read_bytes()
times = [time.process_time()]
bundle = {read}(content)
times.append(time.process_time())
decide(request, bundle=bundle, facts=None, situation=Situation(now=datetime(2026, 11, 25, tzinfo=UTC)))
times.append(time.process_time())
print(*(1000 * (after - before) for before, after in zip(times, times[1:])))
"""
IMPORTS = (
    "from kirikae.engine import wire; from kirikae.engine.compiled import load_compiled; "
    "from kirikae.engine.decide import decide"
)
PLAIN_IMPORTS = f"{IMPORTS}; from kirikae.engine.bundle import parse_payload"


@dataclass(frozen=True)
class Spread:
    """Microseconds of one decision: the best of the rounds, each figure of its own round."""

    p50_us: float
    p99_us: float

    def __str__(self) -> str:
        return f"{self.p50_us:9.1f} {self.p99_us:9.1f}"


def measure[T](decide_one: Callable[[T], object], rounds: Iterable[list[T]]) -> Spread:
    """Each round's requests are decided once, one by one."""
    medians, tails = [], []
    for requests in rounds:
        times = sorted(_time_each(decide_one, requests))
        medians.append(statistics.median(times) / 1000)
        tails.append(times[len(times) * 99 // 100] / 1000)
    return Spread(min(medians), min(tails))


def _time_each[T](decide_one: Callable[[T], object], requests: list[T]) -> Iterable[int]:
    clock = time.process_time_ns
    for request in requests[:WARM_UP]:
        decide_one(request)
    gc.collect()
    for request in requests[WARM_UP:]:
        start = clock()
        decide_one(request)
        yield clock() - start


def rounds_of(asked: list[Asked]) -> list[list[Asked]]:
    size = DECISIONS + WARM_UP
    return [asked[at : at + size] for at in range(0, len(asked), size)]


def payload_of(count: int, worlds: Worlds) -> bytes:
    policy = parse_policy(
        {"version": 1, **policy_sections(make_rules(count))},
        shipped=json.loads((DATA / "shipped_policy.json").read_text()),
    )
    prefixes = json.loads((DATA / "client_prefixes.json").read_text())
    return build_payload(revision=1, epoch=1, issued_at=worlds.now, policy=policy, client_prefixes=prefixes)


@dataclass(frozen=True)
class Row:
    """What one number of rules costs: whole decisions by what the engine has met before, and the rules alone."""

    new: Spread
    again: Spread
    day: Spread
    reported: Spread
    served_anew: Spread
    sized: Spread
    peers: dict[str, tuple[Spread, float]]


def measure_engine(bundle: Bundle, asked: list[Asked], worlds: Worlds) -> dict[str, Spread]:
    facts, situation, dice = worlds.facts("capable"), Situation(now=worlds.now, facts_age_s=3), random.Random(13)

    def decide_one(question: Question) -> object:
        return decide(question[0], bundle=bundle, facts=question[1], situation=situation)

    kinds: dict[str, Callable[[list[Asked], MachineFacts], list[Question]]] = {
        "new": new_projects, "again": again, "day": partial(team_day, dice=dice), "reported": reported,
        "served_anew": served_anew, "sized": sized,
    }  # fmt: skip
    return {
        name: measure(decide_one, [questions_of(part, facts) for part in rounds_of(asked)])
        for name, questions_of in kinds.items()
    }


def compile_ms(payload: bytes) -> float:
    """From the parsed policy to the index, the best of three."""
    times = []
    for _ in range(3):
        bundle = parse_payload(payload)
        gc.collect()
        start = time.process_time()
        bundle.indexed()
        times.append(1000 * (time.process_time() - start))
    return min(times)


def compiled_memory_bytes(payload: bytes) -> tuple[int, int]:
    """What the parsed policy takes, and what its index takes beside it."""
    tracemalloc.start()
    bundle = parse_payload(payload)
    gc.collect()
    parsed = tracemalloc.get_traced_memory()[0]
    bundle = bundle.indexed()
    gc.collect()
    whole = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return parsed, whole - parsed


def import_ms(statement: str, *, times: int = 15) -> float:
    """Over a bare Python: both are started in turn, the difference of the medians of their CPU times."""
    bare, loaded = [], []
    for _ in range(times):
        bare.append(_cpu_s_of("pass"))
        loaded.append(_cpu_s_of(statement))
    return 1000 * (statistics.median(loaded) - statistics.median(bare))


def _cpu_s_of(statement: str) -> float:
    code = f"{statement}\nimport time; print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def one_shot_ms(content: bytes, read: str, address: str, *, times: int = 9) -> tuple[float, float]:
    """In fresh processes: reading the bundle, compiled or as it came, and the first decision from it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bundle"
        file.write_bytes(content)
        code = ONE_SHOT.format(imports=PLAIN_IMPORTS, read=read, address=address)
        command = [sys.executable, "-c", code, str(file)]
        runs = [
            tuple(map(float, subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.split()))
            for _ in range(times)
        ]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def tell_one_shot(size: int, worlds: Worlds) -> None:
    payload, address = payload_of(size, worlds), make_rules(size)[0].hit
    compiled = dump_compiled(parse_payload(payload))
    for name, content, read in (("compiled", compiled, "load_compiled"), ("as it came", payload, "parse_payload")):
        read_ms, decided_ms = one_shot_ms(content, read, address)
        print(f"one-shot with {size:,} rules, bundle {name}: read {read_ms:.1f} ms, decision {decided_ms:.2f} ms")


def measure_peer(peer: Peer, asked: list[Asked]) -> Spread:
    """As many decisions as take some seconds, in the same rounds."""
    start = time.process_time()
    for one in asked[:20]:
        peer.matched(one)
    decision_s = (time.process_time() - start) / 20
    count = WARM_UP + min(DECISIONS, max(100, int(PEER_ROUND_S / decision_s)))
    return measure(peer.matched, [part[:count] for part in rounds_of(asked)])


def check_same_rules(peer: Peer, bundle: Bundle, asked: list[Asked], worlds: Worlds) -> None:
    """A peer that answers another question would be no measure."""
    for one in asked[:200]:
        situation = Situation(now=worlds.now, facts_age_s=3)
        answer = decide(task_request(one), bundle=bundle, facts=None, situation=situation)
        if sorted(peer.matched(one)) != sorted(answer.privacy.rules):
            raise SystemExit(f"{peer.name} finds other rules than the engine for {one.address}")


def measure_row(size: int, worlds: Worlds) -> Row:
    rules, payload = make_rules(size), payload_of(size, worlds)
    asked = list(make_requests(rules, (DECISIONS + WARM_UP) * ROUNDS))
    bundle = parse_payload(payload).indexed()
    own = measure_engine(bundle, asked, worlds)
    peers = {}
    for peer in (own_matching(bundle, compile_ms=compile_ms(payload)), cedar(rules), zen_table(rules)):
        check_same_rules(peer, bundle, asked, worlds)
        peers[peer.name] = measure_peer(peer, asked), peer.compile_ms
    return Row(**own, peers=peers)


def tell_rows(rows: dict[int, Row]) -> None:
    kinds = ("new", "again", "day")
    heads = " |".join(f"{f'{kind} p50, p99':>20}" for kind in kinds)
    print(f"{'whole decisions':>15} |{heads} | zen-engine against each")
    for size, row in rows.items():
        spreads: list[Spread] = [getattr(row, kind) for kind in kinds]
        ratios = _ratios(row.peers["zen-engine"][0], spreads)
        print(f"{size:15,} | {' | '.join(map(str, spreads))} | {ratios}")
    colder = {
        "after another report": rows[1_000].reported,
        "after one with models served otherwise": rows[1_000].served_anew,
        "own context sizes": rows[1_000].sized,
    }
    for words, spread in colder.items():
        print(f"{1_000:15,} | {spread} | new projects, {words}")
    heads = " |".join(f"{f'{name} p50, p99, compile':>31}" for name in rows[10].peers)
    print(f"\n{'rules only':>15} |{heads} | each peer against kirikae")
    for size, row in rows.items():
        cells = [f"{spread} {compile_ms:8.1f} ms" for spread, compile_ms in row.peers.values()]
        own, *others = (spread for spread, _ in row.peers.values())
        print(f"{size:15,} |{' |'.join(cells)} | {', '.join(_ratios(other, [own]) for other in others)}")


def _ratios(peer: Spread, own: list[Spread]) -> str:
    return ", ".join(f"{peer.p50_us / one.p50_us:.1f}×" for one in own)


def main() -> None:
    worlds = Worlds("routing.engine")
    print(f"Python {sys.version.split()[0]}, cedarpy {version('cedarpy')}, zen-engine {version('zen-engine')}")
    print(f"µs of CPU; {DECISIONS:,} decisions in each of {ROUNDS} rounds, fewer for slow peers\n")
    tell_rows({size: measure_row(size, worlds) for size in SIZES})
    print()
    for size in SIZES[-2:]:
        tell_one_shot(size, worlds)
    parsed_bytes, index_bytes = compiled_memory_bytes(payload_of(SIZES[-1], worlds))
    print(f"memory with {SIZES[-1]:,} rules: policy {_mib(parsed_bytes)}, index {_mib(index_bytes)}")
    print(f"import over bare Python: engine {import_ms(IMPORTS):.1f} ms, all of `kirikae ask` {import_ms(ASK):.1f} ms")


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


ASK = "import kirikae.cli, kirikae.commands.ask, kirikae.answering.asking"

if __name__ == "__main__":
    main()
