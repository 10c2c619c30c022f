"""The report: hardware (once per boot), state and runtimes, in the shape that portal and engine read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from kirikae import __version__
from kirikae.collect.hardware import read_boot_id, read_hardware, read_state
from kirikae.collect.quota import find_quota_left
from kirikae.collect.reading import Absent, Reading, Scalar, absences_of, values_of
from kirikae.collect.runtime_facts import Runtime, entries_of, mapping_of, runtime_from_document
from kirikae.collect.runtimes import find_runtimes
from kirikae.engine.named_tuple import NamedTuple
from kirikae.home import Home
from kirikae.moments import now, write_moment

LAST_REPORT, HARDWARE = "report.json", "hardware.json"
# Written by `model_checks`, which the hot path does not import.
CHECKS = "checks.json"

# Apple silicon says nothing of throttling without root, and prints the same three lines hot and cold.
THERMAL = {"field": "state.thermal", "code": "not_readable"}

type Complete = Callable[[tuple[Runtime, ...]], tuple[Runtime, ...]]


def as_found(runtimes: tuple[Runtime, ...]) -> tuple[Runtime, ...]:
    return runtimes


class Section(NamedTuple):
    values: Mapping[str, object]
    absences: list[Mapping[str, object]]


def collect_report(home: Home, *, budget_s: float, complete: Complete = as_found) -> dict[str, object]:
    """Reads the state beside the runtimes, so that the slower of the two is the time it takes.

    `complete` adds what `ask` has no time for (`full_report`).
    """
    state: dict[str, Reading[Scalar]] = {}
    reader = threading.Thread(target=lambda: state.update(read_state()), daemon=True)
    reader.start()
    enrolment = home.find_enrolment()
    runtimes = complete(
        find_runtimes(budget_s=budget_s, known=last_runtimes(home), skip=enrolment.portal_url if enrolment else None)
    )
    hardware = hardware_of_this_boot(home)
    # Each command of the state has its own time limit.
    reader.join()
    return {
        "schema": 1,
        "agent_version": __version__,
        "collected_at": write_moment(now()),
        "hardware": dict(hardware.values),
        "state": values_of(state) | {"cloud_quota_left": find_quota_left(home)},
        "runtimes": with_checks([runtime.document() for runtime in runtimes], home.read_json(CHECKS)),
        "absences": [*hardware.absences, *absences_of(state, section="state"), THERMAL],
    }


def with_checks(runtimes: list[dict[str, object]], kept: Mapping[str, object]) -> list[dict[str, object]]:
    """What a model answered when it was tried, as long as its runtime is of the same version."""
    for runtime in runtimes:
        for model in entries_of(runtime, "models"):
            checks = mapping_of(kept, str(model.get("name")))
            is_whole = all(isinstance(checks.get(flag), bool) for flag in ("system_in_middle", "tool_call"))
            if is_whole and checks.get("runtime_version") == runtime["version"] and isinstance(model, dict):
                model["checks"] = dict(checks)
    return runtimes


def hardware_of_this_boot(home: Home) -> Section:
    """`system_profiler` takes hundreds of milliseconds and its answer holds until the next boot."""
    boot_id = read_boot_id()
    kept = home.read_json(HARDWARE)
    values = kept.get("values")
    if not isinstance(boot_id, Absent) and kept.get("boot") == boot_id and isinstance(values, dict):
        return Section(values, entries_of(kept, "absences"))
    readings = read_hardware()
    section = Section(values_of(readings), [dict(absence) for absence in absences_of(readings, section="hardware")])
    if not isinstance(boot_id, Absent):
        home.keep_json(HARDWARE, {"boot": boot_id, "values": section.values, "absences": section.absences})
    return section


def last_runtimes(home: Home) -> tuple[Runtime, ...]:
    try:
        return tuple(
            runtime_from_document(document) for document in entries_of(home.read_json(LAST_REPORT), "runtimes")
        )
    except TypeError:
        # Written by another version: forget it.
        return ()
