"""A day of the past: whole, at its pace, going on where it was broken off, twice without effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.ingestion.polymarket.trade_history import HistoryPlan, read_day
from market_assets.sources.errors import VenueNonsense, VenueUnavailable
from market_assets_tests.ingestion.polymarket.feeds import (
    NOW,
    Desk,
    MemoryFeed,
    ago,
    desk,
    fills,
    trade,
    trades,
)

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.ingestion.polymarket.trade_feed import Feed
    from market_assets.ingestion.polymarket.trade_history import DayRead
    from market_assets.sources.polymarket.model import Trade

DAY = date(2026, 11, 18)
BEGIN, END = NOW - timedelta(hours=36), NOW - timedelta(hours=12)
PLAN = HistoryPlan(page_rows=60)


def read(on: Desk, feed: Feed, plan: HistoryPlan = PLAN, day: date = DAY, **more: Any) -> DayRead:
    """One run."""
    options: dict[str, Any] = {"sleep": on.clock.advance} | more
    run = on.run("trades_history")
    return read_day(feed, on.store, day, plan, clock=on.clock, run=run, **options)


def of_the_day(rows: list[Trade]) -> list[Trade]:
    return [row for row in rows if BEGIN <= row.traded_at < END]


def past(count: int = 300) -> MemoryFeed:
    """Two days of trades, at the ends of the day too."""
    feed = MemoryFeed(trades(count, every=172_800 / count, first=5))
    feed.add(*(trade(second, f"edge{n}") for n, second in enumerate(edges())))
    return feed


def edges() -> list[float]:
    """Seconds before now at which the day begins and ends, and those next to them."""
    begin, end = 36 * 3600.0, 12 * 3600.0
    return [begin + 1, begin, begin, begin - 1, end + 1, end, end - 1]


def test_a_day_is_read_whole(tmp_path: Path) -> None:
    """From its first second to its last, small trades too; progress is told after each page."""
    on, feed, told = desk(tmp_path), past(), list[str]()
    feed.add(trade(24 * 3600, "small", size=0.5))
    done = read(on, feed, progress=lambda so_far: told.append(str(so_far)))
    assert on.fills() == fills(of_the_day(feed.rows))
    assert (done.from_at, done.to_at, done.is_over, done.resumed_at) == (BEGIN, END, True, None)
    assert len(told) == done.pages
    assert "new trades, reached" in told[0]
    assert told[-1].endswith(f"{done.pages} pages")
    assert on.gaps() == []


def test_a_threshold_leaves_smaller_ones_out(tmp_path: Path) -> None:
    """As the present does."""
    on, feed = desk(tmp_path), past(60)
    feed.add(trade(24 * 3600, "small", size=10.0))
    read(on, feed, replace(PLAN, min_usd=100.0))
    assert on.table()["notional_usd"].min() == 1250.0


def test_twice_changes_nothing(tmp_path: Path) -> None:
    """Not a row, nor when it was received."""
    on, feed = desk(tmp_path), past()
    read(on, feed)
    before = on.table()
    done = read(on, feed)
    assert on.table().equals(before)
    assert (done.written.inserted, done.written.updated) == (0, 0)


def test_a_broken_off_day_goes_on_where_it_was(tmp_path: Path) -> None:
    """Pages that are stored are not asked for again; the gap is healed with the last."""
    on, feed = desk(tmp_path), past(400)

    def fail(number: int) -> None:
        if number == 4:
            raise VenueUnavailable("polymarket", "GET /trades: timeout")

    feed.before = fail
    with pytest.raises(VenueUnavailable):
        read(on, feed)
    [(from_at, to_at, cause)] = on.gaps()
    assert (from_at, cause) == (BEGIN, "being read, from 0 USD on")
    feed.asked.clear()
    feed.before = lambda _: None
    done = read(on, feed)
    assert done.resumed_at == to_at
    assert feed.asked[0]["end"] == to_at
    assert on.fills() == fills(of_the_day(feed.rows))
    assert on.gaps() == []
    assert [gap[:1] for gap in on.gaps(healed=True)] == [(BEGIN,)]
    whole = MemoryFeed(feed.rows)
    assert read(on, whole).resumed_at is None, "a day that is complete is read anew"


class _Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("page", [1, 3])
def test_a_kill_after_any_page(tmp_path: Path, page: int) -> None:
    """The next run brings what is left, and only that."""
    on, feed = desk(tmp_path), past(250)

    def die(done: DayRead) -> None:
        if done.pages == page:
            raise _Killed

    with pytest.raises(_Killed):
        read(on, feed, progress=die)
    before = on.table().height
    done = read(on, feed)
    assert done.written.inserted == on.table().height - before
    assert on.fills() == fills(of_the_day(feed.rows))


def test_another_threshold_begins_anew(tmp_path: Path) -> None:
    """What was left out above where a run broke off is not passed over."""
    on, feed = desk(tmp_path), past(250)
    feed.add(trade(12 * 3600 + 60, "small", size=10.0))

    def die(_: DayRead) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        read(on, feed, replace(PLAN, min_usd=1000.0), progress=die)
    assert read(on, feed).resumed_at is None
    assert on.fills() == fills(of_the_day(feed.rows))


def test_a_day_that_is_not_over_is_read_up_to_now(tmp_path: Path) -> None:
    """It says so; broken off, it begins anew, as later trades may lie above."""
    on, feed = desk(tmp_path), past(250)
    today = NOW.date()

    def die(_: DayRead) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        read(on, feed, day=today, progress=die)
    on.clock.advance(3600)
    feed.add(trade(-1800, "later"))
    done = read(on, feed, day=today)
    assert (done.is_over, done.resumed_at) == (False, None)
    assert done.to_at == ago(-3600)
    assert fills([trade(-1800, "later")]) <= on.fills()


def test_requests_are_paced(tmp_path: Path) -> None:
    """Sixty in ten seconds are one in each sixth of a second; a slow answer is not made up for."""
    on, feed, waits = desk(tmp_path), past(250), list[float]()
    feed.before = lambda number: on.clock.advance(1.0 if number == 2 else 0.05)

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        on.clock.advance(seconds)

    read(on, feed, replace(PLAN, page_rows=20), sleep=sleep)
    assert len(waits) > 6
    assert len(waits) == len(feed.asked) - 2
    assert set(waits) == {0.117}


def test_a_day_without_trades_is_believed_of_a_venue_that_has_some(tmp_path: Path) -> None:
    """Before its first trade there is nothing; where it has nothing at all, it is broken."""
    on, feed = desk(tmp_path), MemoryFeed([trade(5)])
    done = read(on, feed, day=date(2024, 1, 1))
    assert (done.written.rows, on.gaps()) == (0, [])
    feed.rows.clear()
    with pytest.raises(VenueNonsense, match="are none"):
        read(on, feed, day=date(2024, 1, 1))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A day to come, and an attempt of the channel whose reach the present goes by."""
    on = desk(tmp_path)
    with pytest.raises(ValueError, match="2026-11-20 has not begun; it is 2026-11-19 12:00 UTC"):
        read(on, past(10), day=date(2026, 11, 20))
    with pytest.raises(ValueError, match="trades_history, not trades"):
        read_day(past(10), on.store, DAY, PLAN, clock=on.clock, run=on.run("trades"))
