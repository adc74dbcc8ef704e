"""Live candles, driven by hand: at every step the bars are those of REST at that instant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from market_simulator.hyperliquid.bars import INTERVALS, MINUTE_MS, Bar, flat, wire_row
from market_simulator.hyperliquid.live import Live
from market_simulator.hyperliquid.synthetic.market import SyntheticMarket
from market_simulator.hyperliquid.synthetic.universe import Size, Universe

START = 1_780_000_000_000
UNIVERSE = Universe(11, Size(main=160, builder=0, spot=2))
MARKET = SyntheticMarket(UNIVERSE)
TAIL = [a.coin for a in UNIVERSE.assets.values() if a.trades_at(START) and a.blocks < 3]


@settings(max_examples=25, deadline=None)
@given(
    start=st.integers(START, START + 10**9),
    waits=st.lists(st.integers(1, 200_000), min_size=1, max_size=12),
    coin=st.sampled_from(["BTC", "ADA", "@107", *TAIL[:4]]),
    interval=st.sampled_from(["1m", "3m", "15m", "1h"]),
    ahead=st.booleans(),
)
def test_steps_tell_what_rest_tells(
    start: int, waits: list[int], coin: str, interval: str, *, ahead: bool
) -> None:
    """Whatever the rhythm in which the stream is asked, over minutes and bins."""
    live = Live(MARKET, start)
    live.watch(coin, interval, start)
    now, traded_ms = start, start
    for wait in waits:
        now += wait
        if ahead:
            live.prepare(1)
        last: dict[int, Bar] = {}
        for step in live.due(now):
            first, bar = step.bars[interval]
            assert traded_ms <= step.after_ms < step.until_ms <= now
            assert MARKET.trades(coin, step.after_ms, step.until_ms)
            traded_ms = step.until_ms
            last[first] = bar
        for first, bar in last.items():
            end = first * MINUTE_MS + INTERVALS[interval] * MINUTE_MS - 1
            at = min(now, end)
            row = MARKET.candles(coin, interval, first * MINUTE_MS, at, at)[0]
            assert wire_row(coin, interval, first, bar, MARKET.scale(coin)) == row
        assert not MARKET.trades(coin, traded_ms, now), "a trade that no step told"


def test_what_nobody_watches_any_more_is_silent() -> None:
    """Watching is counted; the last to leave ends it, and watching again starts afresh."""
    live = Live(MARKET, START)
    live.watch("BTC", "1m", START)
    live.watch("BTC", "", START)
    live.unwatch("BTC", "1m")
    steps = list(live.due(START + 30_000))
    assert steps
    assert all(not step.bars for step in steps)
    live.unwatch("BTC", "")
    assert list(live.due(START + 60_000)) == []
    live.watch("BTC", "1m", START + 60_000)
    assert [step.coin for step in live.due(START + 70_000)] == ["BTC"]


def test_a_clock_that_is_set_does_not_repeat_or_stall() -> None:
    """After a jump in either direction the stream goes on from the new present."""
    live = Live(MARKET, START)
    live.watch("ETH", "1h", START)
    for jump in (7_200_000, -3_600_000):
        now = START + jump
        live.reload(now)
        steps = list(live.due(now + 30_000))
        assert steps
        assert all(step.after_ms >= now for step in steps)
        first, bar = steps[-1].bars["1h"]
        row = MARKET.candles("ETH", "1h", now + 30_000, now + 30_000, now + 30_000)[0]
        assert wire_row("ETH", "1h", first, bar, MARKET.scale("ETH")) == row


def test_bars_join() -> None:
    """A flat bar adds nothing; the open is that of the first that traded."""
    one, two = Bar(5, 9, 4, 6, 10, 2), Bar(7, 8, 3, 3, 1, 1)
    assert one.then(two) == Bar(5, 9, 3, 3, 11, 3)
    assert flat(4).then(one) == one
    assert one.then(flat(6)) == one
