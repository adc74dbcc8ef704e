"""A laptop sleeps, somebody sets the clock: what a session does, it does by the time that passes.

The machine's wall clock jumps while no time passes for the process. After a *sleep* the venue's
time has gone on as the wall says; after a *step* the venue says that the wall is wrong.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from market_assets.clock import ManualClock
from market_assets.operations.health.streams import Stream, stream_row
from market_assets.sources.errors import VenueUnavailable
from market_assets.streams.candles.candle_book import Hole
from market_assets.streams.candles.heal_plan import FIRST_RETRY_S
from market_assets.streams.candles.rounds import HOUR_S
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid.recorder import Recorder
from market_assets_tests.streams.candles import test_healing as healing
from market_assets_tests.streams.core.test_draining import TABLE
from market_assets_tests.streams.core.test_draining import Bench as DrainBench
from market_assets_tests.streams.hyperliquid.stories import MINUTE_MS, START, START_MS, update
from market_assets_tests.streams.hyperliquid.test_handover import Party

if TYPE_CHECKING:
    from pathlib import Path

TRADING = ("BTC", "ETH", "SOL")
QUIET = "QUIET"
JUMPS = [-86_400.0, -3600.0, -90.0, -30.0, 30.0, 90.0, 3600.0, 86_400.0]


@dataclass
class World:
    """A recorder, a market in which three symbols trade each second and one never does.

    Holes are healed at once with the close that never changes.
    """

    wall: ManualClock = field(default_factory=lambda: ManualClock(START, 1000.0))
    venue_s: float = 0.0
    holes: list[Hole] = field(default_factory=list)
    rows: dict[tuple[str, int], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = VenueClock(self.wall)
        self.recorder = Recorder(self.clock, on_holes=self.holes.extend)
        symbols = (*TRADING, QUIET)
        self.recorder.keep(mids=symbols, candles=symbols, known=symbols, cause="fresh")
        self.recorder.subscribed(symbols, START)
        self.recorder.seed(QUIET, [(START_MS - MINUTE_MS, 100.0)])

    def sleep(self, seconds: float) -> None:
        """The machine is suspended: only the venue goes on."""
        self.wall.jump(seconds)
        self.venue_s += seconds

    def run(self, seconds: int) -> None:
        """Seconds pass, with frames and a tick each; rows are taken as they are flushed."""
        for _ in range(seconds):
            self.wall.advance(1)
            self.venue_s += 1
            minute, second = divmod(int(self.venue_s), 60)
            for symbol in TRADING:
                self.recorder.candle(update(symbol, minute, 100.0, 1 + second), self.clock.now())
            known = len(self.holes)
            self.recorder.tick()
            for hole in self.holes[known:]:
                opens = range(hole.start_ms, hole.end_ms, MINUTE_MS)
                self.recorder.seed(hole.symbol, [(at, 100.0) for at in opens])
            for row in self.recorder.take().candles.frame.iter_rows(named=True):
                at = row["open_at"]
                assert at <= self.venue_now, f"{row} has not begun"
                self.rows[row["symbol"], int(at.timestamp() * 1000)] = row["is_closed"]

    def run_on(self) -> int:
        """Five minutes and a bit pass; returns the last minute that must have been judged."""
        self.run(300)
        self.run((20 - int(self.venue_s)) % 60)
        return self.minute - 1

    @property
    def venue_now(self) -> datetime:
        return START + timedelta(seconds=self.venue_s)

    @property
    def minute(self) -> int:
        """The venue's present minute, from the start."""
        return int(self.venue_s // 60)

    def unaccounted(self, symbol: str, first: int, last: int) -> list[int]:
        """Minutes that are neither closed nor told as holes."""
        told = {
            at
            for hole in self.holes
            if hole.symbol == symbol
            for at in range(hole.start_ms, hole.end_ms, MINUTE_MS)
        }
        opens = [START_MS + minute * MINUTE_MS for minute in range(first, last + 1)]
        return [
            (at - START_MS) // MINUTE_MS
            for at in opens
            if at not in told and not self.rows.get((symbol, at))
        ]


@pytest.mark.parametrize("offset", [1, 29, 55])
@pytest.mark.parametrize("seconds", JUMPS)
def test_a_step_of_the_clock_costs_no_minute(seconds: float, offset: int) -> None:
    """Minutes are closed by the venue's time, those without a trade too, and none before."""
    world = World()
    world.run(120 + offset)
    world.wall.jump(seconds)
    last = world.run_on()
    assert world.recorder.concluded_ms == START_MS + last * MINUTE_MS
    for symbol in (*TRADING, QUIET):
        assert world.unaccounted(symbol, 1, last) == []
        holes = [hole for hole in world.holes if hole.symbol == symbol]
        minutes = sum((hole.end_ms - hole.start_ms) // MINUTE_MS for hole in holes)
        assert minutes <= 4, holes


@pytest.mark.parametrize("offset", [1, 29, 55])
@pytest.mark.parametrize("seconds", [40.0, 90.0, 3600.0, 40_000.0])
def test_what_was_slept_through_is_told_and_the_rest_goes_on(seconds: float, offset: int) -> None:
    world = World()
    world.run(120 + offset)
    slept_from = world.minute
    world.sleep(seconds)
    slept_to = world.minute
    last = world.run_on()
    assert world.recorder.concluded_ms == START_MS + last * MINUTE_MS
    told: dict[str, set[int]] = defaultdict(set)
    for hole in world.holes:
        opens = range(hole.start_ms, hole.end_ms, MINUTE_MS)
        told[hole.symbol] |= {(at - START_MS) // MINUTE_MS for at in opens}
    for symbol in (*TRADING, QUIET):
        assert world.unaccounted(symbol, 1, last) == []
        assert set(range(slept_from + 1, slept_to)) <= told[symbol]
        assert min(told[symbol] - {0}) >= slept_from - 1
        assert max(told[symbol]) <= slept_to + 2


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_session_is_as_old_as_it_has_lived(seconds: float, tmp_path: Path) -> None:
    """No jump ends it or has it relieved, before its time or after."""
    wall = ManualClock(START)
    old = Party(tmp_path, wall)
    assert old.begin()
    for _ in range(3):
        wall.advance(1000.0)
        wall.jump(seconds)
        old.handover.step()
        assert (old.handover.phase, old.handover.end) == ("streaming", None)
    wall.advance(601.0)
    old.handover.step()
    assert old.handover.phase == "handing_over"
    new = Party(tmp_path, wall)
    assert not new.begin()
    for _ in range(5):
        wall.advance(100.0)
        wall.jump(seconds)
        new.handover.step()
        assert new.handover.end is None
    wall.advance(101.0)
    new.handover.step()
    assert new.handover.end == "handover_timeout"
    old.lease.release()
    new.lease.release()


@pytest.mark.parametrize("seconds", JUMPS)
def test_healing_waits_for_time_that_passes(seconds: float, tmp_path: Path) -> None:
    """Neither a retry nor a turn of reading again comes sooner or later by the wall."""
    bench = healing.Bench(tmp_path, reread_weight=10_000.0)
    bench.begin("BTC")
    bench.work()
    bench.venue.asked.clear()
    bench.venue.failures = {"BTC": VenueUnavailable("hyperliquid", "away")}
    past = healing.THIS_MINUTE - 3 * MINUTE_MS
    bench.healer.add([Hole("BTC", past, past + MINUTE_MS, "silence")])
    bench.work()
    assert len(bench.venue.asked) == 1
    bench.clock.jump(seconds)
    bench.clock.jump(-seconds)
    bench.work()
    assert len(bench.venue.asked) == 1
    bench.venue.failures = {}
    bench.clock.advance(FIRST_RETRY_S + 1)
    bench.work()
    assert len(bench.venue.asked) == 2
    bench.clock.jump(seconds)
    bench.work()
    assert len(bench.venue.asked) == 2
    bench.clock.advance(HOUR_S)
    bench.work()
    [again] = bench.venue.asked[2:]
    assert again[3] in {60, 61}


@pytest.mark.parametrize("seconds", JUMPS)
def test_drains_go_on_and_are_published(seconds: float, tmp_path: Path) -> None:
    bench = DrainBench(tmp_path)
    for _ in range(3):
        bench.append(bench.clock.now(), A=1.0)
        assert bench.drainer._turn()
        assert bench.drainer.publish_error is None
        bench.clock.advance(10.0)
        bench.clock.jump(seconds)
    bench.append(bench.clock.now(), A=2.0)
    assert bench.drainer._turn()
    assert bench.drainer.error is None
    [(rows,)] = bench.store.read("select sum(rows_written) from ingestion_runs").rows()
    assert rows == bench.drainer.total[TABLE].rows
    assert bench.store.publish().outcome == "unchanged"


@pytest.mark.parametrize("offset_s", [-86_400.0, -3600.0, 0.0, 3600.0, 86_400.0])
def test_a_wall_that_the_session_does_not_believe_makes_it_look_neither_old_nor_young(
    offset_s: float,
) -> None:
    """The account is dated by the venue's time; whoever reads it has only the machine's."""
    true = datetime(2026, 11, 20, 12, tzinfo=UTC)
    account = {
        "since": (true - timedelta(hours=2)).isoformat(),
        "written_at": (true - timedelta(seconds=2)).isoformat(),
        "sockets": 2,
        "lag_s": {"mids": 3.0},
        "ages_s": {"candle": 0.5},
        "clock": {"wall_offset_s": offset_s},
    }
    row = stream_row("venue", "job", Stream(True, account), true + timedelta(seconds=offset_s))
    assert (row.status, row.age_s) == ("ok", 5.0)
    gone = Stream(False, account)
    for later in (true + timedelta(seconds=offset_s + 300), true + timedelta(seconds=300)):
        assert stream_row("venue", "job", gone, later).status == "failed"
