"""Open interest that came or went within an hour."""

from __future__ import annotations

import pytest

from market_assets.features.polymarket_signals.open_interest import open_interest_jumps

from .rows import HOUR, MINUTE, NOW, SECOND, last_score, metric, metrics


@pytest.mark.parametrize(
    ("then", "now", "score"),
    [(100.0, 110.0, 10.0), (100.0, 90.0, 10.0), (100.0, 109.0, 9.0), (100.0, 100.0, 0.0)],
)
def test_the_change_within_an_hour_in_per_cent(then: float, now: float, score: float) -> None:
    rows = metrics(metric(HOUR, then), metric(30 * MINUTE, then), metric(0 * SECOND, now))
    assert last_score(open_interest_jumps(rows, as_of=NOW)) == score


def test_an_hour_is_an_hour() -> None:
    rows = metrics(metric(HOUR + SECOND, 100.0), metric(0 * SECOND, 200.0))
    assert last_score(open_interest_jumps(rows, as_of=NOW)) == 0.0


def test_the_greatest_change_of_the_hour_counts() -> None:
    rows = metrics(
        metric(50 * MINUTE, 100.0), metric(20 * MINUTE, 200.0), metric(0 * SECOND, 150.0)
    )
    assert last_score(open_interest_jumps(rows, as_of=NOW)) == 50.0
    fallen = metrics(metric(20 * MINUTE, 200.0), metric(0 * SECOND, 120.0))
    assert last_score(open_interest_jumps(fallen, as_of=NOW)) == 40.0


def test_from_nothing_there_is_no_change_in_per_cent() -> None:
    rows = metrics(metric(20 * MINUTE, 0.0), metric(0 * SECOND, 0.0))
    assert last_score(open_interest_jumps(rows, as_of=NOW)) is None
    opened = metrics(metric(20 * MINUTE, 0.0), metric(0 * SECOND, 500.0))
    assert last_score(open_interest_jumps(opened, as_of=NOW)) == 0.0


def test_markets_do_not_know_each_other() -> None:
    rows = metrics(metric(20 * MINUTE, 100.0, condition_id="0xb"), metric(0 * SECOND, 500.0))
    points = open_interest_jumps(rows, as_of=NOW)
    assert points.filter(condition_id="0xa")["score"].to_list() == [0.0]
