"""The present, run after run, into a real database: nothing lost, nothing twice, no gap untold."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.ingestion.polymarket.trades import TradePlan, read_trades
from market_assets.sources.errors import VenueBusy, VenueNonsense, VenueUnavailable
from market_assets.storage.common.runs import IngestionRun
from market_assets_tests.ingestion.polymarket.feeds import (
    NOW,
    SECOND,
    Desk,
    MemoryFeed,
    ago,
    desk,
    fills,
    trade,
    trades,
)
from market_assets_tests.ingestion.polymarket.http_feeds import served
from market_assets_tests.sources.http_server import Reply

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from market_assets.ingestion.polymarket.trade_feed import Feed
    from market_assets.ingestion.polymarket.trades import PresentRead
    from market_assets.sources.polymarket.model import Trade
    from market_assets.storage.common.changes import Change, Written
    from market_assets.storage.files.store import FileStore

PLAN = TradePlan(lookback=timedelta(hours=1), page_rows=50)


def read(on: Desk, feed: Feed, plan: TradePlan = PLAN, *, store: Any = None) -> PresentRead:
    """One run, and a second for it."""
    done = read_trades(feed, store or on.store, plan, clock=on.clock, run=on.run())
    on.clock.advance(1)
    return done


def calm(on: Desk, feed: Feed, plan: TradePlan) -> None:
    """Runs until there is no gap, and one more; time passes, and hours begin."""
    for _ in range(40):
        on.clock.advance(100)
        if not read(on, feed, plan).gaps:
            break
    assert read(on, feed, plan).gaps == ()
    assert on.gaps() == []


def large(rows: list[Trade], since: datetime) -> list[Trade]:
    """What the table is to hold."""
    return [row for row in rows if row.traded_at >= since and row.price * row.size >= 1000]


def test_an_empty_table_is_filled_as_far_as_the_lookback(tmp_path: Path) -> None:
    """Every fill of an hour, alike ones too; nobody was left a gap."""
    on, feed = desk(tmp_path), MemoryFeed(trades(400, every=12))
    done = read(on, feed, replace(PLAN, pages=100, page_rows=100))
    assert on.fills() == fills(large(feed.rows, ago(3600)))
    assert (done.newest_at, done.target) == (ago(1), ago(3600))
    assert done.reached_at == ago(3600)
    assert (done.written.inserted, done.gaps) == (on.table().height, ())
    assert on.gaps() == on.gaps(healed=True) == []
    assert on.table()["notional_usd"].min() == 1250.0
    assert on.table()["ingested_at"].unique().to_list() == [NOW]


def test_the_next_run_reads_down_to_the_last_one_and_the_safety_window(tmp_path: Path) -> None:
    """A few pages; a late trade in the window is found, and what was there is left alone."""
    on, feed = desk(tmp_path), MemoryFeed(trades(400, every=12))
    read(on, feed, replace(PLAN, page_rows=200))
    before = on.table()
    on.clock.advance(59)
    late = trade(500, "late")
    feed.add(late, trade(-30, "new"))
    done = read(on, feed)
    assert done.target == ago(1 + 600)
    assert (done.written.inserted, done.written.updated) == (2, 0)
    assert done.pages <= 3
    assert fills([late]) <= on.fills()
    assert on.table().filter(on.table()["ingested_at"] == NOW).equals(before)


def test_twice_the_same_changes_nothing(tmp_path: Path) -> None:
    """Neither rows nor the time of their receipt."""
    on, feed = desk(tmp_path), MemoryFeed(trades(120, every=60))
    read(on, feed)
    before = on.table()
    done = read(on, feed)
    assert on.table().equals(before)
    assert (done.written.inserted, done.written.updated) == (0, 0)
    assert on.store.read("select sum(rows_written) from ingestion_runs").item() == before.height


def test_small_trades_are_not_asked_for(tmp_path: Path) -> None:
    """The threshold goes to the venue."""
    on = desk(tmp_path)
    feed = MemoryFeed([trade(70 * n, f"s{n}", size=1999.0 + n % 2) for n in range(1, 60)])
    read(on, feed)
    assert on.table().height == 26
    assert on.table()["notional_usd"].unique().to_list() == [1000.0]


def test_the_page_cap_leaves_a_gap_that_later_runs_fill(tmp_path: Path) -> None:
    """Each run reads the present first; the gap says why it is there, and shrinks to nothing."""
    on, feed = desk(tmp_path), MemoryFeed(trades(600, every=10))
    plan = replace(PLAN, pages=3, page_rows=80, safety=timedelta(seconds=30))
    first = read(on, feed, plan)
    assert first.pages == 3
    [(from_at, to_at, cause)] = on.gaps()
    assert (from_at, cause) == (ago(3600), "page cap")
    assert [(gap.from_at, gap.to_at) for gap in first.gaps] == [(from_at, to_at)]
    assert fills(large(feed.rows, to_at)) <= on.fills() <= fills(large(feed.rows, to_at - SECOND))
    ends = [to_at]
    while on.gaps() and len(ends) < 30:
        on.clock.advance(59)
        feed.add(trade((NOW - on.clock.now()).total_seconds() + 5, f"n{len(ends)}"))
        done = read(on, feed, plan)
        assert done.pages <= 3
        assert len(on.gaps()) <= 1
        ends += [gap[1] for gap in on.gaps()]
    assert ends == sorted(set(ends), reverse=True)
    assert (done.healed, on.gaps()) == (1, [])
    assert [gap[0] for gap in on.gaps(healed=True)] == [ago(3600)]
    healed = on.store.read("select healed_rows from ingestion_gaps").item()
    assert healed == len(large(feed.rows, ago(3600))) - len(large(feed.rows, to_at))
    assert on.fills() == fills(large(feed.rows, ago(3600)))


def test_a_flood_of_new_trades_makes_gaps_that_join(tmp_path: Path) -> None:
    """More comes each minute than a run may read: it is told, and read once it is calm."""
    on, feed = desk(tmp_path), MemoryFeed(trades(100, every=60))
    plan = replace(PLAN, pages=3, safety=timedelta(seconds=60))
    told: list[int] = []
    for minute in range(8):
        on.clock.advance(59)
        flood = 200 if minute in (2, 3) else 5
        feed.add(*(trade(n % 50 - 60 * minute, f"f{minute}-{n}") for n in range(flood)))
        read(on, feed, plan)
        told.append(len(on.gaps()))
    assert told[:4] == [0, 0, 1, 1]
    assert set(told[4:]) == {0, 1}
    assert told[-1] == 0
    assert on.fills() == fills(large(feed.rows, ago(3541)))


class Killed(BaseException):
    """The process ends here."""


@dataclass
class DyingStore:
    """A store in a process that is killed at its n-th transaction, before it or right after."""

    store: FileStore
    writes: int
    is_after: bool

    def read(self, *asked: Any) -> Any:
        return self.store.read(*asked)

    def write(self, *changes: Change, runs: tuple[IngestionRun, ...] = ()) -> tuple[Written, ...]:
        self.writes -= 1
        if self.writes or self.is_after:
            written = self.store.write(*changes, runs=runs)
        if not self.writes:
            raise Killed
        return written


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_page_loses_nothing(tmp_path: Path, is_after: bool) -> None:  # noqa: FBT001 - a parameter
    """At every transaction of a first run, of a later one, and of one that heals a gap."""
    on, feed = desk(tmp_path), MemoryFeed(trades(250, every=15))
    plan, killed = replace(PLAN, safety=timedelta(seconds=60)), 0
    for step in (1, 2, 1, 3, 4):
        on.clock.advance(200)
        minute = (NOW - on.clock.now()).total_seconds()
        feed.add(*(trade(minute + 2 * n, f"k{step}-{killed}-{n}") for n in range(60)))
        before = list(feed.rows)
        try:
            read(on, feed, plan, store=DyingStore(on.store, step, is_after))
        except Killed:
            killed += 1
        told, stored, newest = on.gaps(), on.fills(), on.table()["traded_at"].max()
        for row in large(before, ago(3400)) if stored else []:
            assert (
                any(from_at <= row.traded_at < to_at for from_at, to_at, _ in told)
                or row.traded_at > newest
                or fills([row]) <= stored
            ), "what is missing is in a gap, or newer than all that was read"
    assert killed == 5
    calm(on, feed, plan)
    assert fills(large(feed.rows, ago(3400))) <= on.fills()
    assert not on.fills() - fills(feed.rows)


def test_an_error_in_the_midst_keeps_what_was_written(tmp_path: Path) -> None:
    """The run fails with the venue's error; its pages stay, the gap is open, the next run heals."""
    on, feed = desk(tmp_path), MemoryFeed(trades(300, every=14))

    def fail(number: int) -> None:
        if number == 4:
            raise VenueUnavailable("polymarket", "GET /trades: 502 Bad Gateway is no answer")

    feed.before = fail
    with pytest.raises(VenueUnavailable, match="502"):
        read(on, feed)
    assert 100 < on.table().height <= 150
    [(from_at, _, cause)] = on.gaps()
    assert (from_at, cause) == (ago(3600), "being read")
    done = read(on, feed)
    assert (done.healed, on.gaps()) == (1, [])
    assert on.fills() == fills(large(feed.rows, ago(3600)))


def test_a_backfill_does_not_move_where_the_next_run_stops(tmp_path: Path) -> None:
    """After an hour away, trades of five minutes ago that somebody else wrote are no excuse."""
    on, feed = desk(tmp_path), MemoryFeed(trades(150, every=40, first=3600))
    read(on, feed, replace(PLAN, lookback=timedelta(hours=2)))
    on.clock.advance(3600)
    feed.add(*trades(150, every=24, first=-3600, name="away"))
    past = IngestionRun("polymarket", "trades_history", "polymarket_trades", on.clock.now())
    other = MemoryFeed([row for row in feed.rows if row.traded_at > on.clock.now() - SECOND * 300])
    read_trades(other, on.store, PLAN, clock=on.clock, run=past)
    done = read(on, feed, replace(PLAN, pages=100))
    assert done.target == ago(3600 + 600)
    assert fills(large(feed.rows, ago(3600))) <= on.fills()


def test_a_clock_that_runs_behind_the_venues_costs_nothing(tmp_path: Path) -> None:
    """Trades of later than our present are read; a jump of it cannot skip what lies between."""
    on, feed = desk(tmp_path), MemoryFeed(trades(100, every=80, first=-1200))
    read(on, feed)
    assert on.table()["traded_at"].max() == ago(-1200)
    done = read(on, feed)
    assert done.target == ago(600)


def test_a_feed_that_lost_what_it_had_fails_the_run(tmp_path: Path) -> None:
    """An answer of none, though the last minutes were read: an error, not a quiet success."""
    on, feed = desk(tmp_path), MemoryFeed(trades(100, every=60))
    read(on, feed)
    rows, feed.rows = feed.rows, []
    with pytest.raises(VenueNonsense, match="are none, but one is of"):
        read(on, feed)
    feed.rows = rows[:3]
    with pytest.raises(VenueNonsense, match="are none, but one is of"):
        read(on, feed)
    feed.rows = rows
    assert read(on, feed).gaps == ()
    assert not fills(large(rows, ago(3500))) - on.fills()


def test_a_gap_that_the_venue_will_not_give_does_not_hold_up_the_present(tmp_path: Path) -> None:
    """It stays, says so, and is not asked for each minute but each hour."""
    on, feed = desk(tmp_path), MemoryFeed(trades(300, every=14))
    plan = replace(PLAN, pages=2, safety=timedelta(seconds=30))
    read(on, feed, plan)
    feed.window = lambda *_: feed.rows  # type: ignore[method-assign] - it overlooks windows
    done = read(on, feed, plan)
    assert list(done.unreadable) == [ago(3600)]
    assert [cause for _, _, cause in on.gaps()] == ["unreadable"]
    on.clock.advance(120)
    asked = len(feed.asked)
    assert read(on, feed, plan).unreadable == {}
    assert all(one["end"] is None for one in feed.asked[asked:])
    del feed.window
    on.clock.advance(3600 - 120)
    feed.add(trade(-3600), *(trade(-n) for n in range(1, 4)))
    assert read(on, feed, plan).gaps[0].cause == "page cap"


def test_a_gap_is_asked_for_again_while_the_venue_is_away(tmp_path: Path) -> None:
    """Errors that pass fail the run, and leave the gap to the next."""
    on, feed = desk(tmp_path), MemoryFeed(trades(300, every=14))
    plan = replace(PLAN, pages=2, safety=timedelta(seconds=30))
    read(on, feed, plan)
    [before] = on.gaps()

    def fail(_: int) -> None:
        if feed.asked[-1]["end"] is not None:
            raise VenueBusy("polymarket", "GET /trades: 429")

    feed.before = fail
    with pytest.raises(VenueBusy):
        read(on, feed, plan)
    [after] = on.gaps()
    assert after[:2] == before[:2]
    feed.before = lambda _: None
    assert read(on, feed, plan).gaps[0].to_at < before[1]


def test_rows_that_make_no_sense_are_counted_with_samples(tmp_path: Path) -> None:
    """Over HTTP: bad values are kept out and named, everything else is stored."""
    on, feed = desk(tmp_path), MemoryFeed(trades(40, every=120))
    with served(feed, bad_rows=True) as (client, _):
        done = read_trades(client, on.store, PLAN, clock=on.clock, run=on.run())
    assert on.fills() == fills(feed.rows)
    assert done.rejected >= 6
    assert len(done.samples) == 5
    assert any("1.7" in reason for reason in done.samples.values())


def test_thousands_of_trades_on_a_bad_day(tmp_path: Path) -> None:
    """Over HTTP: pages that shift, late and repeated trades, several fills a transaction, 429,
    500, HTML and cut bodies, runs that break off and runs that are capped; in the end exactly the
    feed's set.
    """
    chance = random.Random(7)
    on, feed = desk(tmp_path), MemoryFeed(trades(3000, every=1.2))
    feed.add(*(trade(n, f"small{n}", size=100.0) for n in range(500)))
    faults = (
        Reply(429, {"error": "slow down"}, {"Retry-After": "0"}),
        Reply(500, {"error": "internal"}),
        Reply(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
        Reply(200, [{"side": "BUY"}] * 30, cut=True),
        Reply(200, []),
    )
    number, answered, is_bad_day, is_down = 0, 0, True, False

    def fault() -> Reply | None:
        if is_down and answered:
            return faults[1]
        return chance.choice(faults) if is_bad_day and chance.random() < 0.3 else None

    def move(_: int) -> None:
        nonlocal number, answered
        number, answered = number + 1, answered + 1
        minute = (NOW - on.clock.now()).total_seconds()
        feed.add(*(trade(minute, f"m{number}-{n % 3}", size=3000.0) for n in range(9)))
        feed.add(trade(minute + chance.randrange(500), f"l{number}"))

    feed.before = move
    plan, failed = replace(PLAN, page_rows=500, pages=5), 0
    with served(feed, fault) as (client, _):
        for run in range(7):
            answered, is_down = 0, run in {1, 4}
            try:
                read_trades(client, on.store, plan, clock=on.clock, run=on.run())
            except (VenueUnavailable, VenueBusy, VenueNonsense):
                failed += 1
            on.clock.advance(20)
        feed.before = lambda _: None
        is_bad_day = is_down = False
        calm(on, client, plan)
        retries = client.stats().retries
    wanted = fills(large(feed.rows, ago(3600)))
    assert wanted.total() > 3000
    assert on.fills() == wanted
    assert failed >= 2
    assert retries > 10
