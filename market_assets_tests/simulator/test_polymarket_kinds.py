"""The made-up Polymarket has every kind of market, whatever the day, the seed and the size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import to_ms
from market_assets_tests.days import DAYS
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.polymarket.synthetic.world import SyntheticWorld
from market_simulator.polymarket.world import Selection

Row = dict[str, Any]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


def kinds(world: SyntheticWorld, now_ms: int) -> dict[str, bool]:
    """Which kinds of markets are there; those about an asset are about one that trades first."""
    open_now = world.truth_of_markets([], now_ms)
    about = [row for row in open_now if row["symbol"] in ("BTC", "ETH", "SOL")]

    def some(test: Callable[[Row], bool]) -> bool:
        return any(test(row) for row in about if not row["broken"] and not row["closed"])

    def ends_in(row: Row) -> float:
        return float("nan") if row["end_at_ms"] is None else row["end_at_ms"] - now_ms

    lately = Selection(closed=True, end_min_ms=now_ms - HOUR_MS, end_max_ms=now_ms)
    closed = [
        market
        for body in world.event_bodies(world.event_keys(lately, now_ms), now_ms)
        for market in body["markets"]
    ]
    events: dict[str, set[str | None]] = {}
    for row in open_now:
        events.setdefault(row["event_id"], set()).add(row["symbol"])
    return {
        "up or down": some(lambda row: "Up or Down" in row["question"]),
        "within a day": some(lambda row: 0 < ends_in(row) <= DAY_MS),
        "immediate": some(lambda row: 0 < ends_in(row) <= WEEK_MS),
        "later": some(lambda row: row["symbol"] == "BTC" and ends_in(row) > WEEK_MS + DAY_MS),
        "no end": some(lambda row: row["end_at_ms"] is None),
        "strike": some(lambda row: " be above $" in row["question"]),
        "touch": some(lambda row: " reach $" in row["question"]),
        "touch from above": some(lambda row: " dip to $" in row["question"]),
        "mixed event": any(None in symbols and len(symbols) > 1 for symbols in events.values()),
        "about no asset": any(row["symbol"] is None for row in open_now),
        "closed lately": any(market["closed"] for market in closed),
        "resolved lately": any('"1"' in str(market["outcomePrices"]) for market in closed),
    }


def missing(seed: int, events: int, now: datetime) -> list[str]:
    """The kinds of which there is none."""
    now_ms = to_ms(now)
    world = SyntheticWorld(seed, PolymarketSize(events=events, trades_per_minute=0.1), now_ms)
    return [kind for kind, is_there in kinds(world, now_ms).items() if not is_there]


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("events", [1, 40])
def test_every_kind_is_there_on_every_day(day: datetime, events: int) -> None:
    """Of the catalogue that tests and the simulator have by default, and of the smallest."""
    assert missing(1, events, day) == []


@given(
    st.integers(0, 1000),
    st.sampled_from([1, 20, 60]),
    st.datetimes(datetime(2024, 1, 1), datetime(2045, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds UTC
)
def test_every_kind_is_there_whatever_the_seed(seed: int, events: int, now: datetime) -> None:
    """Any instant of twenty years."""
    assert missing(seed, events, now) == []
