"""How good each basis is: every row predicted from the other rows of its machine, as the product would."""

from collections import defaultdict
from collections.abc import Sequence

from routing.engine.fit.basis import Learned, Run, RunKey, learn
from tests.bench.fit.predict import decode_rate
from tests.bench.fit.rows import Row


def ratios_by_basis(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Measured over predicted. `corrected` is told apart by what corrected: the model in another form, or its kind."""
    machines: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for row in rows:
        run = _run_of(row)
        if run is not None:
            machines[row.machine, row.source[:40]].append(run)
    found: dict[str, list[float]] = defaultdict(list)
    for runs in machines.values():
        for run in runs:
            _predict(run, [other for other in runs if other is not run], found)
    return found


def _predict(run: Run, others: list[Run], found: dict[str, list[float]]) -> None:
    if run.factors is None:
        return
    own = run.factors.decode
    found["formula"].append(own)
    same = [one for one in others if one.key == run.key and one.depth_tokens != run.depth_tokens]
    nearest = learn(same, {}).nearest(run.key, run.depth_tokens)
    if nearest is not None and nearest.factors is not None:
        found["measured"].append(own / nearest.factors.decode)
    for basis, kept in (
        ("corrected: same model", [one for one in others if one.key[0] == run.key[0] and one.key != run.key]),
        ("corrected: same kind", [one for one in others if one.key[0] != run.key[0]]),
    ):
        factors = _factors(learn(kept, {}), run.key, run.model_class)
        if factors is not None:
            found[basis].append(own / factors)


def _factors(learned: Learned, key: RunKey, model_class: str) -> float | None:
    found = learned.find_factors(key, model_class)
    return None if found is None else found[0].decode


def _run_of(row: Row) -> Run | None:
    predicted = decode_rate(row)
    if predicted is None or not row.decode_tokens_per_s or row.model is None or row.form is None:
        return None
    key = (row.model.name, row.form.name, row.is_mlx)
    depth = int(row.depth_tokens)
    return Run(key, row.model_class, depth, row.decode_tokens_per_s, None, predicted, None)
