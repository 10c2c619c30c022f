"""`.ci/bench fit-constants [--write]`: finds the constants of the fit estimate anew from routing/data/fit."""

import re
import sys
from pathlib import Path

from routing.engine.fit.constants import PREFILL, SPEED, PrefillConstants, SpeedConstants
from tests.bench.fit.rows import all_rows, read_models
from tests.bench.fit.solve import fit_decode, fit_prefill

FILE = Path(__file__).resolve().parents[3] / "routing" / "engine" / "fit" / "constants.py"
DIGITS = 4


def find_constants() -> tuple[SpeedConstants, PrefillConstants]:
    """Rounded as they stand in the file: more digits than that say nothing."""
    rows = all_rows(read_models())
    prefill = PrefillConstants(*map(_rounded, fit_prefill(rows)))
    return SpeedConstants(*map(_rounded, fit_decode(rows, prefill))), prefill


def main(arguments: list[str]) -> int:
    speed, prefill = find_constants()
    for before, after in ((SPEED, speed), (PREFILL, prefill)):
        for name, old, new in zip(before._fields, before, after, strict=True):
            print(f"{name:26} {new:<12g}{'' if old == new else f'was {old:g}'}")
    if "--write" in arguments:
        text = FILE.read_text(encoding="utf-8")
        for name, value in (speed._asdict() | prefill._asdict()).items():
            text = _with_value(text, name, value)
        FILE.write_text(text, encoding="utf-8")
    return 0


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _with_value(text: str, name: str, value: float) -> str:
    shown = f"{value / 1e9:g}e9" if value >= 1e9 else f"{value:g}"
    return re.sub(rf"(?m)^(    {name}: float = )\S+$", rf"\g<1>{shown}", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
