"""A handover with more symbols than two sessions can stream at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from market_assets_tests.simulated import simulated
from market_assets_tests.streams.hyperliquid.rig import MINUTE, Rig
from market_assets_tests.waiting import until
from market_simulator.hyperliquid.limits import Limits

SYMBOLS = 900
PATIENCE_S = 400.0


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_at_most_the_candles_of_one_minute_are_to_be_healed(tmp_path: Path) -> None:
    """At the venue's own speed, within its limit of 1000 subscriptions."""
    limits = Limits(weight_per_minute=10**9)
    with simulated(main=190, builder=60, spot=40, rate=0.1, process=True, limits=limits) as venue:
        for n in range(SYMBOLS - 290):
            venue.list_asset(f"M{n}")
        options = {"keep_minutes": 300.0, "keep_hours": 3600.0, "reread_weight": 0.0}
        field = Rig(venue, tmp_path, 1.0, (), options, {})
        old = field.start()
        until(lambda: _acknowledged(field) > SYMBOLS, "all subscriptions", PATIENCE_S)
        until(lambda: _with_a_candle(field) == SYMBOLS, "a candle of each", PATIENCE_S)
        whole_from_ms = field.now_minute() + MINUTE
        until(lambda: venue.now_ms() > whole_from_ms + MINUTE, "a minute", PATIENCE_S)
        assert field.lease.request_handover("code changed")
        until(lambda: field.lease.peek().state == "handing_over", "the wish to be relieved")
        new = field.start()
        until(lambda: not old.is_running, "the old session to leave", PATIENCE_S)
        assert old.wait()["reason"] == "handed_over"
        handed_over_ms = field.now_minute()
        until(lambda: _acknowledged(field) > SYMBOLS, "all subscriptions again", PATIENCE_S)
        through_ms = field.now_minute() + MINUTE
        until(lambda: venue.now_ms() > through_ms + 90_000, "the minutes after", PATIENCE_S)
        assert new.end()["reason"] == "stopped"
    healed = field.store.read(
        "select symbol, sum(date_diff('minute', gap_from_at, gap_to_at)) as minutes"
        " from ingestion_gaps where channel = 'candles' and cause not in ('fresh', 'listing')"
        " and gap_to_at > make_timestamptz(? * 1000) group by symbol",
        [handed_over_ms - MINUTE],
    )
    assert healed["minutes"].max() in {None, 1}, healed["minutes"].value_counts()
    whole = field.store.read(
        "select open_at, count(*) as n from hyperliquid_candles where interval = '1m' and is_closed"
        " and open_at between make_timestamptz(? * 1000) and make_timestamptz(? * 1000)"
        " group by open_at",
        [whole_from_ms, through_ms - MINUTE],
    )
    assert whole.height == (through_ms - whole_from_ms) // MINUTE
    assert whole["n"].min() == SYMBOLS, whole


def _with_a_candle(field: Rig) -> int:
    """Symbols that have a closed one: what was just listed has none before its first trade."""
    return field.store.read(
        "select count(distinct symbol) from hyperliquid_candles where interval = '1m' and is_closed"
    ).item()


def _acknowledged(field: Rig) -> int:
    said = field.state().get("subscriptions")
    return int(said["acknowledged"]) if said else 0
