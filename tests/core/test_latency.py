"""When requests are so slow that threads pay."""

from __future__ import annotations

import pytest

from pinterest_audiences.api.latency import Latency


@pytest.mark.parametrize(
    ("seconds", "slow"),
    [
        ([], False),
        ([0.002] * 1000, False),
        ([0.02], False),
        ([0.02, 0.002, 0.002] * 100, False),  # a busy machine
        ([0.012] * 100, True),
        ([0.02, 0.02], True),
        ([0.05], True),
        ([0.05, 0.002, 0.002, 0.002, 0.002], False),  # it was one, and fast ones followed
        ([*[0.3] * 1000, *[0.002] * 100], True),
        ([*[0.3] * 1000, *[0.002] * 200], False),  # a server may become fast
        ([*[0.002] * 1000, 0.3, 0.3], True),
        ([*[0.002] * 1000, 0.05], True),
    ],
)
def test_requests_are_slow_if_they_are_late_together(seconds: list[float], *, slow: bool) -> None:
    latency = Latency()
    for each in seconds:
        latency.note(each)
    assert latency.is_high is slow
