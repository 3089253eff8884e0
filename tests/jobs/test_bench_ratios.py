"""The comparison of `make bench-check`, with made-up measurements: no test measures time."""

from __future__ import annotations

from typing import Any

from bench.ratios import falls, own_ratios

FLOORS = {"read": "floor"}
TAP = "read: this tap"


def measured(floor: float, tap: float) -> dict[str, Any]:
    cells = {
        "floor": {"cpu_seconds": floor},
        "this tap": {"cpu_seconds": tap},
        "another tap": {"cpu_seconds": 9.0},
        "this slow tap": {"predicted_seconds": 900},
    }
    return {"read": cells}


def test_ratio_is_the_processor_time_of_the_floor_by_that_of_the_project() -> None:
    assert own_ratios(measured(1.0, 4.0), FLOORS) == {TAP: 0.25}


def test_equal_and_faster_runs_pass() -> None:
    before = own_ratios(measured(1.0, 4.0), FLOORS)
    assert falls(before, before) == []
    assert falls(before, own_ratios(measured(1.0, 2.0), FLOORS)) == []


def test_slower_machine_passes() -> None:
    before, now = own_ratios(measured(1.0, 4.0), FLOORS), own_ratios(measured(3.0, 12.0), FLOORS)
    assert falls(before, now) == []


def test_fall_by_a_quarter_passes_and_a_larger_one_is_named() -> None:
    before = {TAP: 0.4, "other": 0.4}
    assert falls(before, {TAP: 0.3 + 1e-9, "other": 0.4}) == []
    (line,) = falls(before, {TAP: 0.29, "other": 0.4})
    assert line == f"{TAP}: fell from 0.40 to 0.29 of the floor"


def test_ratio_that_is_not_measured_any_more_is_named() -> None:
    (line,) = falls({TAP: 0.4}, {"another name": 0.4})
    assert line.startswith(f"{TAP}: was 0.40")
