"""Finding the constants: robust least squares of logarithms, held near their starting values by a weak prior.

Levenberg and Marquardt's method in plain Python. The prior keeps what the rows say nothing about (a generation left
out of a cross-validation) where physics put it; the soft loss keeps single odd rows from pulling the others along.
"""

from collections.abc import Callable, Sequence
from math import exp, log, sqrt

from routing.engine.fit.chips import Chip
from routing.engine.fit.constants import PREFILL, PrefillConstants, SpeedConstants
from routing.engine.fit.speed import Load, clock_of, prefill_seconds, token_seconds
from tests.bench.fit.rows import WALL_CLOCK_PROMPT, Row

# Errors beyond it count less and less.
_SOFT = 0.05
_PRIOR_WEIGHT = 0.05
_ROUNDS = 60
_STEP = 1e-4

# Where physics or other tools' experience put the constants, and how sure that is (standard deviation of the
# logarithm; 0.5 where not listed). The fit starts here and not at its own last result: it has no memory.
DECODE_PRIOR = SpeedConstants(
    bandwidth_share=0.93,
    ultra_share=0.83,
    overlap=3.0,
    core_s_per_gb=0.037,
    core_s_per_gparam_q4=0.008,
    core_s_per_gparam_q8=0.008,
    core_s_per_gparam_k=0.006,
    core_s_per_gparam_mlx=0.008,
    core_s_per_gparam_mx=0.008,
    core_s_per_gparam_k_m1=0.025,
    expert_share_gguf=0.7,
    expert_share_mlx=0.62,
    layer_ms_gguf=0.07,
    layer_ms_mlx=0.06,
    moe_layer_ms_gguf=0.03,
    moe_layer_ms_mlx=0.01,
    delta_layer_ms_gguf=0.06,
    delta_layer_ms_mlx=0.05,
    delta_core_s_per_gb_gguf=1.5,
    router_ms_per_100_experts_mlx=0.01,
    mamba_layer_ms=0.03,
    gemma_layer_ms_gguf=0.03,
    gemma_layer_ms_mlx=0.05,
    old_build_layer_ms=0.04,
    old_ollama_delta_layer_ms=0.35,
    ultra_layer_ms_gguf=0.03,
    kv_share=0.85,
    attention_core_s_gguf=0.05,
    attention_core_s_old_ollama=0.1,
    attention_core_s_mlx=0.05,
    clock_m1=0.82,
    clock_m2=0.89,
    clock_m3=0.89,
    wall_share=0.7,
    wall_start_s_mlx=0.05,
)
_DECODE_SURE = {
    "bandwidth_share": 0.05,
    "ultra_share": 0.1,
    "overlap": 0.3,
    "expert_share_gguf": 0.3,
    "expert_share_mlx": 0.3,
    "kv_share": 0.05,
    "clock_m1": 0.1,
    "clock_m2": 0.1,
    "clock_m3": 0.1,
}
PREFILL_PRIOR = PrefillConstants(
    m1=218e9,
    m2=239e9,
    m3=253e9,
    m4=296e9,
    m1_base_share=0.9,
    ultra_prefill_share=0.96,
    mlx_factor=1.18,
    f16_factor_m1_m2=1.12,
    f16_factor=1.03,
    passes=4.0,
    expert_tile_gguf=32,
    expert_tile_mlx=32,
    expert_tile_mlx_m5=64,
    attention_share_gguf=0.7,
    attention_share_mlx=0.9,
    attention_share_mlx_wide=0.5,
    delta_token_us=0.3,
    m5_hot_share=0.75,
    m5_cool_s=3.0,
)
_PREFILL_SURE = {"m1": 0.2, "m2": 0.2, "m3": 0.2, "m4": 0.03}
_PREFILL_FIXED = ("m5", "passes", "attention_share_mlx", "old_ollama_share", "m5_cool_s")


def fit_decode(rows: Sequence[Row], prefill: PrefillConstants = PREFILL) -> SpeedConstants:
    cases = [_DecodeCase.of(row, prefill) for row in rows if row.decode_tokens_per_s and row.load and row.chip]

    def errors(values: Sequence[float]) -> list[float]:
        constants = SpeedConstants(*values)
        return [case.error(constants) for case in cases]

    names = SpeedConstants._fields
    return SpeedConstants(*_solve(errors, DECODE_PRIOR, [_DECODE_SURE.get(name, 0.5) for name in names]))


def fit_prefill(rows: Sequence[Row]) -> PrefillConstants:
    taken = [row for row in rows if row.prompt_tokens_per_s and row.prompt_tokens >= 100 and row.load and row.chip]
    cases = [(row.load, row.chip, row) for row in taken]
    free = [name for name in PrefillConstants._fields if name not in _PREFILL_FIXED]
    start = [getattr(PREFILL_PRIOR, name) for name in free]

    def errors(values: Sequence[float]) -> list[float]:
        constants = PREFILL_PRIOR._replace(**dict(zip(free, values, strict=True)))
        return [_prefill_error(load, chip, row, constants) for load, chip, row in cases if load and chip]

    found = _solve(errors, start, [_PREFILL_SURE.get(name, 0.3) for name in free])
    return PREFILL_PRIOR._replace(**dict(zip(free, found, strict=True)))


def _prefill_error(load: Load, chip: Chip, row: Row, constants: PrefillConstants) -> float:
    # The kernels' start takes so little of it that where decode's constants come from does not matter.
    seconds = prefill_seconds(
        load,
        chip,
        prompt_tokens=row.prompt_tokens,
        batch_tokens=row.batch_tokens,
        c=constants,
        speed=DECODE_PRIOR,
    )
    return log(row.prompt_tokens_per_s * seconds / row.prompt_tokens)


class _DecodeCase:
    """A row with all that does not depend on the constants."""

    def __init__(self, row: Row, load: Load, chip: Chip, first_s: float) -> None:
        self.load, self.chip, self.first_s = load, chip, first_s
        self.depth, self.rate = row.depth_tokens, row.decode_tokens_per_s
        self.kv_read = row.kv_read_bytes(row.depth_tokens)
        self.is_old = row.is_old_build
        self.is_mlx_wall_clock, self.gen_tokens = row.is_wall_clock and load.is_mlx, row.gen_tokens

    @classmethod
    def of(cls, row: Row, prefill: PrefillConstants) -> "_DecodeCase":
        load, chip = row.load, row.chip
        if load is None or chip is None:
            raise ValueError(row.row_id)
        first_s = 0.0
        if row.is_wall_clock:
            first_s = prefill_seconds(load, chip, prompt_tokens=WALL_CLOCK_PROMPT, c=prefill) / row.gen_tokens
        return cls(row, load, chip, first_s)

    def error(self, c: SpeedConstants) -> float:
        seconds = token_seconds(self.load, self.chip, context_tokens=self.depth, kv_read_bytes=self.kv_read, c=c)
        if self.is_old:
            seconds += c.old_build_layer_ms / 1000 / clock_of(self.chip, c) * self.load.layer_count
        seconds += c.wall_share * self.first_s
        if self.is_mlx_wall_clock:
            seconds += c.wall_start_s_mlx / self.gen_tokens
        return log(seconds * self.rate)


def _solve(
    errors: Callable[[Sequence[float]], list[float]], start: Sequence[float], sure: Sequence[float]
) -> list[float]:
    """The values with the least soft error; all stay positive."""
    centre = [log(value) for value in start]
    weights = [_PRIOR_WEIGHT / one for one in sure]

    def whole(point: Sequence[float]) -> list[float]:
        pulls = [weight * (now - first) for weight, now, first in zip(weights, point, centre, strict=True)]
        return errors([exp(one) for one in point]) + pulls

    point, damping = list(centre), 1e-2
    residuals = whole(point)
    cost = _cost(residuals)
    for _ in range(_ROUNDS):
        columns = [_slope(whole, point, residuals, place) for place in range(len(point))]
        softness = [1 / sqrt(1 + (one / _SOFT) ** 2) for one in residuals]
        moved, moved_residuals, moved_cost = None, residuals, cost
        while damping < 1e6:
            step = _step(columns, residuals, softness, damping)
            candidate = [one + change for one, change in zip(point, step, strict=True)]
            moved_residuals = whole(candidate)
            moved_cost = _cost(moved_residuals)
            if moved_cost < cost:
                moved = candidate
                break
            damping *= 4
        if moved is None or cost - moved_cost < 1e-9 * cost:
            break
        point, residuals, cost, damping = moved, moved_residuals, moved_cost, damping / 3
    return [exp(one) for one in point]


def _cost(residuals: Sequence[float]) -> float:
    return sum(_SOFT**2 * 2 * (sqrt(1 + (one / _SOFT) ** 2) - 1) for one in residuals)


def _slope(
    whole: Callable[[Sequence[float]], list[float]], point: list[float], residuals: list[float], place: int
) -> list[float]:
    moved = list(point)
    moved[place] += _STEP
    return [(after - before) / _STEP for after, before in zip(whole(moved), residuals, strict=True)]


def _step(columns: list[list[float]], residuals: list[float], softness: list[float], damping: float) -> list[float]:
    size = len(columns)
    weighted = [[value * soft for value, soft in zip(column, softness, strict=True)] for column in columns]
    matrix = [[_dot(weighted[i], columns[j]) for j in range(size)] for i in range(size)]
    for place in range(size):
        matrix[place][place] *= 1 + damping
    return _solve_linear(matrix, [-_dot(column, residuals) for column in weighted])


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(left, right, strict=True))


def _solve_linear(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss's elimination with the largest pivot of each column."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for place in range(size):
        best = max(range(place, size), key=lambda line: abs(rows[line][place]))
        rows[place], rows[best] = rows[best], rows[place]
        for line in range(place + 1, size):
            factor = rows[line][place] / rows[place][place]
            rows[line] = [one - factor * other for one, other in zip(rows[line], rows[place], strict=True)]
    solution = [0.0] * size
    for place in reversed(range(size)):
        known = sum(rows[place][later] * solution[later] for later in range(place + 1, size))
        solution[place] = (rows[place][size] - known) / rows[place][place]
    return solution
