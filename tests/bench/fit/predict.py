"""The formulas on measured rows, and how far off they are. Rows of odd methods are predicted as they were measured."""

from routing.engine.fit.constants import PREFILL, SPEED, PrefillConstants, SpeedConstants
from routing.engine.fit.speed import clock_of, prefill_seconds, token_seconds
from tests.bench.fit.rows import WALL_CLOCK_PROMPT, Row


def decode_rate(row: Row, speed: SpeedConstants = SPEED, prefill: PrefillConstants = PREFILL) -> float | None:
    """Tokens per second as the row's source would have measured them."""
    load, chip = row.load, row.chip
    if load is None or chip is None:
        return None
    kv_read = row.kv_read_bytes(row.depth_tokens)
    seconds = token_seconds(load, chip, context_tokens=row.depth_tokens, kv_read_bytes=kv_read, c=speed)
    if row.is_old_build:
        seconds += speed.old_build_layer_ms / 1000 / clock_of(chip, speed) * load.layer_count
    if row.is_wall_clock:
        first = prefill_seconds(load, chip, prompt_tokens=WALL_CLOCK_PROMPT, c=prefill)
        seconds += (speed.wall_share * first + (speed.wall_start_s_mlx if load.is_mlx else 0)) / row.gen_tokens
    return 1 / seconds


def prefill_rate(row: Row, prefill: PrefillConstants = PREFILL) -> float | None:
    load, chip = row.load, row.chip
    if load is None or chip is None or not row.prompt_tokens:
        return None
    seconds = prefill_seconds(load, chip, prompt_tokens=row.prompt_tokens, batch_tokens=row.batch_tokens, c=prefill)
    return row.prompt_tokens / seconds
