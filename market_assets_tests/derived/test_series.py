"""Which candle series may be used: each way of being unfit costs its own symbol and no other."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from market_assets.derived.series import Verdict, judge
from market_assets_tests.features.rows import NOW, Bar, candles

MINUTE = timedelta(minutes=1)
GOOD: Bar = (10.0, 11.0, 9.0, 10.5)
OVERDUE = timedelta(minutes=6)


def series(bars: list[Bar | None], symbol: str, *, ended: timedelta = timedelta(0)) -> pl.DataFrame:
    """Bars of which the last closes `ended` before now."""
    return candles(bars, symbol=symbol, start=NOW - ended - len(bars) * MINUTE)


def judged(*frames: pl.DataFrame) -> Verdict:
    return judge(pl.concat(frames), length=MINUTE, as_of=NOW, overdue_by=OVERDUE)


def test_fresh_and_whole_series_are_usable_however_short() -> None:
    verdict = judged(series([GOOD] * 200, "BTC"), series([GOOD], "NEW"))
    assert verdict == Verdict(frozenset({"BTC", "NEW"}), {})


def test_no_candles_at_all_is_no_series() -> None:
    assert judged(series([GOOD], "BTC").clear()) == Verdict(frozenset(), {})


def test_a_series_is_stale_when_its_next_bar_is_overdue() -> None:
    """The next bar is due one minute after the last; six more are forgiven."""
    verdict = judged(
        series([GOOD] * 90, "BTC"),
        series([GOOD] * 90, "LATE", ended=7 * MINUTE),
        series([GOOD] * 90, "OLD", ended=8 * MINUTE),
    )
    assert verdict.usable == {"BTC", "LATE"}
    assert verdict.blocked == {"OLD": "stale: the last candle opened 540 s ago"}


def test_a_hole_in_the_last_hour_blocks_and_an_older_one_does_not() -> None:
    recent: list[Bar | None] = [GOOD] * 200
    recent[-60 + 1] = None
    older: list[Bar | None] = [GOOD] * 200
    older[-61] = None
    verdict = judged(series(recent, "HOLE"), series(older, "ONCE"), series([GOOD] * 90, "BTC"))
    assert verdict.usable == {"BTC", "ONCE"}
    assert verdict.blocked == {"HOLE": "broken: 1 of the last 60 candles are missing"}


@pytest.mark.parametrize(
    "bad", [(10.0, 9.5, 9.0, 9.2), (10.0, 11.0, 10.2, 10.5), (1.0, 1.0, 0.0, 1.0)], ids=str
)
def test_a_bar_that_contradicts_itself_blocks_wherever_it_is(bad: Bar) -> None:
    verdict = judged(series([bad, *[GOOD] * 200], "BAD"), series([GOOD] * 90, "BTC"))
    assert verdict.usable == {"BTC"}
    assert verdict.blocked == {"BAD": "broken: 1 candles contradict themselves"}
