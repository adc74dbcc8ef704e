"""The simulator's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from market_simulator import clock


def test_a_scaled_clock_runs_faster_on_both_faces() -> None:
    scaled = clock.ScaledClock(speed=1e6, start=datetime(2026, 1, 1, tzinfo=UTC))
    before, started = scaled.monotonic(), scaled.now()
    while scaled.monotonic() == before:
        pass
    assert scaled.now() > started


@pytest.mark.parametrize("ms", [0, 1, 1_795_000_000_123, -1])
def test_milliseconds_come_back_as_they_were(ms: int) -> None:
    assert clock.to_ms(clock.from_ms(ms)) == ms
    assert clock.to_ms(clock.from_ms(ms) + timedelta(microseconds=999)) == ms
