"""Times: venue's numbers to UTC instants and back, floors, intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets import clock

MS = st.integers(min_value=0, max_value=4_102_444_800_000)


@given(MS)
def test_milliseconds_survive_the_way_there_and_back(ms: int) -> None:
    assert clock.to_ms(clock.from_ms(ms)) == ms


@given(MS, st.sampled_from(sorted(clock.INTERVALS)))
def test_a_floor_is_on_the_grid_and_less_than_a_step_away(ms: int, interval: str) -> None:
    step = clock.interval_length(interval)
    floored = clock.floor(clock.from_ms(ms), step)
    assert clock.floor_ms(ms, step) == clock.to_ms(floored)
    assert timedelta(0) <= clock.from_ms(ms) - floored < step
    assert (floored - clock.EPOCH) % step == timedelta(0)


def test_rfc3339_becomes_utc() -> None:
    assert clock.parse_rfc3339("2026-01-02T03:04:05+02:00") == datetime(
        2026, 1, 2, 1, 4, 5, tzinfo=UTC
    )
    assert clock.parse_rfc3339("2026-01-02T03:04:05.5Z").microsecond == 500_000


def test_a_time_without_a_zone_is_an_error_not_local_time() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="no time zone"):
        clock.to_ms(naive)
    with pytest.raises(ValueError, match="no time zone"):
        clock.floor(naive, timedelta(minutes=1))
    with pytest.raises(ValueError, match="no time zone"):
        clock.parse_rfc3339(naive.isoformat())


def test_an_unknown_interval_is_named() -> None:
    with pytest.raises(ValueError, match=r"'7m'; one of 1m, 3m"):
        clock.interval_length("7m")


def test_a_manual_clock_jumps_without_time_passing() -> None:
    manual = clock.ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    manual.advance(5)
    manual.jump(-3600)
    assert manual.monotonic() == 5
    assert manual.now() == datetime(2025, 12, 31, 23, 0, 5, tzinfo=UTC)
