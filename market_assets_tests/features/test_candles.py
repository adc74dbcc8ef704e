"""Roll-ups of candles, against the exchange's own and by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.features.candles import roll_up
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.recordings import recordings

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR = datetime(2026, 11, 20, 10, tzinfo=UTC)

Minute = tuple[int, float, float, float, float, float, int]
"""Minutes after HOUR, open, high, low, close, volume, trades."""


def _minutes(bars: list[Minute], *, symbol: str = "BTC", closed: bool = True) -> pl.DataFrame:
    rows = [
        {
            "symbol": symbol,
            "interval": "1m",
            "open_at": HOUR + timedelta(minutes=minute),
            "close_at": HOUR + timedelta(minutes=minute + 1),
            "open": o,
            "high": h,
            "low": low,
            "close": c,
            "volume": v,
            "trades": n,
            "is_closed": closed,
            "source": "stream",
            "ingested_at": NOW,
        }
        for minute, o, h, low, c, v, n in bars
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema)


def _flat(minute: int, price: float = 10.0) -> Minute:
    return (minute, price, price, price, price, 0.0, 0)


def test_a_whole_hour_is_first_highest_lowest_last_and_the_sums() -> None:
    bars = [_flat(m) for m in range(60)]
    bars[5] = (5, 11.0, 14.0, 10.5, 12.0, 2.0, 3)
    bars[40] = (40, 12.0, 13.0, 9.0, 9.5, 0.5, 1)
    bars[41:] = [_flat(m, 9.5) for m in range(41, 60)]
    hour = roll_up(_minutes(bars), "1h", now=NOW).row(0, named=True)
    assert (hour["open"], hour["high"], hour["low"], hour["close"]) == (11.0, 14.0, 9.0, 9.5)
    assert (hour["volume"], hour["trades"], hour["is_closed"]) == (2.5, 4, True)
    assert (hour["open_at"], hour["close_at"]) == (HOUR, HOUR + timedelta(hours=1))
    assert (hour["interval"], hour["source"], hour["ingested_at"]) == ("1h", "rollup", NOW)


def test_an_hour_without_trades_is_flat_at_the_previous_close() -> None:
    hour = roll_up(_minutes([_flat(m) for m in range(60)]), "1h", now=NOW).row(0, named=True)
    assert {hour[c] for c in ("open", "high", "low", "close")} == {10.0}
    assert (hour["volume"], hour["trades"]) == (0.0, 0)


@pytest.mark.parametrize("missing", [0, 30])
def test_a_hole_gives_no_hour_rather_than_a_wrong_one(missing: int) -> None:
    bars = [_flat(m) for m in range(60) if m != missing]
    assert roll_up(_minutes(bars), "1h", now=NOW).is_empty()


def test_the_hour_that_is_forming_is_there_and_not_closed() -> None:
    forming = roll_up(_minutes([_flat(m) for m in range(12)]), "1h", now=NOW)
    assert forming["is_closed"].to_list() == [False]


def test_an_earlier_hour_that_was_cut_short_is_not_taken_for_a_forming_one() -> None:
    bars = [_flat(m) for m in range(12)] + [_flat(m) for m in range(60, 65)]
    assert roll_up(_minutes(bars), "1h", now=NOW)["open_at"].to_list() == [
        HOUR + timedelta(hours=1)
    ]


def test_sixty_minutes_of_which_one_is_open_are_not_a_closed_hour() -> None:
    bars = pl.concat([_minutes([_flat(m) for m in range(59)]), _minutes([_flat(59)], closed=False)])
    assert roll_up(bars, "1h", now=NOW)["is_closed"].to_list() == [False]


def test_symbols_do_not_mix_and_other_intervals_are_ignored() -> None:
    both = pl.concat(
        [
            _minutes([_flat(m, 10.0) for m in range(60)], symbol="A"),
            _minutes([_flat(m, 20.0) for m in range(60)], symbol="B"),
        ]
    )
    hours = roll_up(both, "1h", now=NOW)
    assert hours.select("symbol", "close").rows() == [("A", 10.0), ("B", 20.0)]
    again = roll_up(pl.concat([both, hours]), "1h", now=NOW)
    assert again.equals(hours)


@given(
    st.lists(
        st.tuples(st.floats(1, 100), st.floats(0, 5), st.floats(0, 0.9), st.booleans()),
        min_size=60,
        max_size=60,
    )
)
def test_an_hour_is_the_same_from_minutes_as_from_five_minute_bars(
    shape: list[tuple[float, float, float, bool]],
) -> None:
    """Rolling up in two steps changes nothing."""
    bars = [
        (m, p, p + up, p * (1 - down), p, 1.0, 1) if traded else _flat(m, p)
        for m, (p, up, down, traded) in enumerate(shape)
    ]
    minutes = _minutes(bars)
    fives = roll_up(minutes, "5m", now=NOW)
    direct = roll_up(minutes, "1h", now=NOW)
    assert roll_up(fives, "1h", base="5m", now=NOW).equals(direct)


RECORDED = [
    *(("BTC_perp", "BTC", i) for i in ("3m", "5m", "15m", "30m", "1h", "2h", "4h")),
    *(("HYPE_spot", "@107", i) for i in ("5m", "1h")),
    *(("PURR_spot", "PURR/USDC", i) for i in ("5m", "1h")),
]


def _recorded(folder: Path, name: str, symbol: str, interval: str) -> pl.DataFrame:
    prices = ("open", "high", "low", "close", "volume")
    frame = pl.read_csv(folder / f"candles_{name}_{interval}_20250721_26.csv")
    opened = pl.from_epoch("t", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return frame.select(
        pl.lit(symbol).alias("symbol"),
        pl.lit(interval).alias("interval"),
        opened.alias("open_at"),
        pl.col(prices).cast(pl.Float64),
        # The recording has no trade counts; a minute traded where it has volume.
        (pl.col("volume") > 0).cast(pl.Int64).alias("trades"),
        pl.lit(value=True).alias("is_closed"),
    )


@pytest.mark.parametrize(("name", "symbol", "interval"), RECORDED)
def test_roll_ups_equal_the_exchange_s_own_candles(name: str, symbol: str, interval: str) -> None:
    """Every recorded bar of every interval, to the last digit of price."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    theirs = _recorded(folder, name, symbol, interval)
    ours = roll_up(_recorded(folder, name, symbol, "1m"), interval, now=NOW)
    both = ours.filter("is_closed").join(theirs, on=["symbol", "open_at"], suffix="_theirs")
    assert both.height == theirs.height > 0
    for price in ("open", "high", "low", "close"):
        assert both.filter(pl.col(price) != pl.col(f"{price}_theirs")).is_empty(), price
    volume = (pl.col("volume") - pl.col("volume_theirs")).abs()
    assert both.filter(volume > 1e-9 * pl.col("volume_theirs")).is_empty()
