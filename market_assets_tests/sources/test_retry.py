"""Delays: doubling, capped, jittered; and what a venue asks to wait."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.http_headers import retry_after
from market_assets.sources.retry import backoff

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_delays_double_up_to_a_cap() -> None:
    delays = itertools.islice(backoff(0.5, 4, jitter=lambda: 1.0), 6)
    assert list(delays) == [0.5, 1, 2, 4, 4, 4]


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 2000))
def test_no_delay_is_outside_its_bounds(jitter: float, skipped: int) -> None:
    """Not after two thousand failures either, where doubling would have overflowed."""
    delay = next(itertools.islice(backoff(0.5, 30, jitter=lambda: jitter), skipped, None))
    assert 0.25 <= delay <= 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOON) == seconds
