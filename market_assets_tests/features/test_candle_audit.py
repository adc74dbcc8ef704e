"""What an audit of candles finds, and whom it believes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.features.candle_audit import Audit, audit
from market_assets.features.candles import roll_up
from market_assets.tables import HYPERLIQUID_CANDLES

T0 = datetime(2026, 11, 20, 10, tzinfo=UTC)
AT = T0 + timedelta(hours=3)
MINUTE = timedelta(minutes=1)


def candles(interval: str, *bars: tuple[float, ...], source: str = "rest") -> pl.DataFrame:
    """Candles in a row from `T0`: open, high, low, close, volume, trades."""
    length = timedelta(hours=1) if interval == "1h" else MINUTE
    rows = [
        {
            "symbol": "BTC",
            "interval": interval,
            "open_at": T0 + k * length,
            "close_at": T0 + (k + 1) * length,
            "open": bar[0],
            "high": bar[1],
            "low": bar[2],
            "close": bar[3],
            "volume": bar[4],
            "trades": int(bar[5]),
            "is_closed": True,
            "source": source,
            "ingested_at": AT,
        }
        for k, bar in enumerate(bars)
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema)


def judged(ours: pl.DataFrame, theirs: pl.DataFrame, rolled: pl.DataFrame | None = None) -> Audit:
    interval = theirs["interval"][0]
    return audit(ours, theirs, symbol="BTC", interval=interval, at=AT, rolled=rolled)


BAR = (100.0, 110.0, 90.0, 105.0, 12.0, 7)


def test_the_same_candles_are_right_up_to_the_last_bit_of_a_sum() -> None:
    ours = candles("1m", BAR, (105.0, 105.0, 105.0, 105.0, 0.1 + 0.2, 3), source="stream")
    theirs = candles("1m", BAR, (105.0, 105.0, 105.0, 105.0, 0.3, 3))
    found = judged(ours, theirs)
    assert (found.compared, found.mismatches, found.replaced) == (2, 0, 0)
    assert found.worst_bps is None


@pytest.mark.parametrize("place", range(6))
def test_every_figure_is_compared(place: int) -> None:
    other = tuple(value + 1 if k == place else value for k, value in enumerate(BAR))
    found = judged(candles("1m", other, source="stream"), candles("1m", BAR))
    assert (found.compared, found.mismatches, found.replaced) == (1, 1, 1)
    assert found.right.row(0, named=True)["source"] == "rest"
    worst = max(1 / BAR[place] * 10_000, 0) if place < 4 else 0.0
    assert found.worst_bps == pytest.approx(worst)


def test_a_candle_that_we_lack_is_a_mismatch_and_has_no_difference() -> None:
    found = judged(candles("1m", BAR), candles("1m", BAR, BAR))
    assert (found.compared, found.mismatches, found.replaced) == (2, 1, 1)
    assert found.right["open_at"].to_list() == [T0 + MINUTE]
    assert found.worst_bps is None


def test_what_is_not_over_is_not_compared_and_ours_alone_is_no_mismatch() -> None:
    forming = candles("1m", BAR).with_columns(is_closed=pl.lit(value=False))
    assert judged(candles("1m", BAR), forming).compared == 0
    assert judged(candles("1m", BAR, BAR), candles("1m", BAR)).mismatches == 0


def hour_of_minutes() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sixty minutes, and their hour."""
    bars = [(100.0 + k, 101.0 + k, 99.0 + k, 100.5 + k, 2.0, 4) for k in range(60)]
    minutes = candles("1m", *bars)
    return minutes, roll_up(minutes, "1h", now=AT)


def test_an_hour_that_the_exchanges_own_minutes_contradict_is_not_copied() -> None:
    """It holds the second half of the hour only."""
    _, ours = hour_of_minutes()
    theirs = candles("1h", (130.0, 160.0, 129.0, 159.5, 60.0, 120))
    found = judged(ours, theirs, rolled=ours)
    assert (found.mismatches, found.exchange_wrong, found.replaced) == (1, 1, 0)
    assert found.worst_bps == pytest.approx((1 - 99 / 129) * 10_000)


def test_an_hour_that_is_wrong_at_ours_is_replaced() -> None:
    """The exchange's hour and its minutes agree: what we have is a mistake of ours."""
    _, right = hour_of_minutes()
    ours = right.with_columns(volume=pl.col("volume") + 5, trades=pl.col("trades") + 3)
    theirs = right.with_columns(source=pl.lit("rest"))
    found = judged(ours, theirs, rolled=right)
    assert (found.mismatches, found.exchange_wrong, found.replaced) == (1, 0, 1)


@pytest.mark.parametrize(
    ("bar", "source", "is_cut"),
    [
        ((130.0, 160.0, 129.0, 159.5, 60.0, 120), "rollup", True),
        ((130.0, 160.0, 129.0, 159.5, 60.0, 120), "rest", False),
        ((130.0, 170.0, 129.0, 159.5, 60.0, 120), "rollup", False),
        ((130.0, 160.0, 80.0, 159.5, 60.0, 120), "rollup", False),
        ((130.0, 160.0, 129.0, 150.0, 60.0, 120), "rollup", False),
        ((130.0, 160.0, 129.0, 159.5, 130.0, 120), "rollup", False),
        ((130.0, 160.0, 129.0, 159.5, 60.0, 900), "rollup", False),
    ],
)
def test_without_its_minutes_a_part_of_ours_counts_as_cut(
    bar: tuple[float, ...], source: str, *, is_cut: bool
) -> None:
    _, ours = hour_of_minutes()
    nothing = ours.clear()
    found = judged(ours.with_columns(source=pl.lit(source)), candles("1h", bar), rolled=nothing)
    assert (found.exchange_wrong, found.replaced) == ((1, 0) if is_cut else (0, 1))


_BARS = st.lists(
    st.tuples(st.floats(1, 9), st.floats(1, 9), st.integers(0, 3)), min_size=1, max_size=5
)


@given(ours=_BARS, theirs=_BARS)
def test_after_it_is_put_right_nothing_is_wrong(
    ours: list[tuple[float, float, int]], theirs: list[tuple[float, float, int]]
) -> None:
    def made(bars: list[tuple[float, float, int]]) -> pl.DataFrame:
        return candles("1m", *[(p, p, p, p, v, n) for p, v, n in bars])

    first = judged(made(ours), made(theirs))
    assert first.replaced == first.mismatches
    mended = pl.concat([made(ours).join(first.right, on="open_at", how="anti"), first.right])
    again = judged(mended, made(theirs))
    assert (again.mismatches, again.compared) == (0, first.compared)
