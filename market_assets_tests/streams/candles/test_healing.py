"""Healing: the venue is asked for what is missing, and what it says ends in the spool."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from market_assets.clock import ManualClock, from_ms, interval_length, to_ms
from market_assets.sources.errors import VenueNonsense, VenueRejected, VenueUnavailable
from market_assets.sources.hyperliquid.model import Candle
from market_assets.storage.common.errors import SpoolFull
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.candles.asking import CandleSource
from market_assets.streams.candles.candle_book import Hole
from market_assets.streams.candles.healing import Close, Healer
from market_assets.streams.candles.holes import Gap, Span, gap_rows
from market_assets.tables import INGESTION_GAPS

NOW = datetime(2026, 3, 8, 12, 30, 30, tzinfo=UTC)
MINUTE = 60_000
THIS_MINUTE = to_ms(NOW) // MINUTE * MINUTE


@dataclass
class FakeVenue:
    """Has a candle for each minute and hour of each symbol, and fails on demand."""

    clock: ManualClock
    listed_ms: int = 0
    until_ms: int = 1 << 60
    failures: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[str, str, str, int]] = field(default_factory=list)

    def clients(self) -> dict[str, FakeClient]:
        return {user: FakeClient(self, user) for user in ("stream", "backfill")}

    def candles(
        self, user: str, symbol: str, interval: str, start: datetime, end: datetime
    ) -> list[Candle]:
        step = interval_length(interval) // timedelta(milliseconds=1)
        self.asked.append((user, symbol, interval, (to_ms(end) - to_ms(start)) // step))
        if symbol in self.failures:
            raise self.failures[symbol]
        now_ms = to_ms(self.clock.now())
        opens = range(max(to_ms(start), self.listed_ms), min(to_ms(end), self.until_ms), step)
        return [
            Candle(symbol, interval, at, 1.0, 2.0, 0.5, at / 1e6, 3.0, 4, at + step <= now_ms)
            for at in opens
            if at <= now_ms
        ]


@dataclass
class FakeClient:
    """The venue as one user of the budget asks it."""

    venue: FakeVenue
    user: str

    def candles(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Candle]:
        return self.venue.candles(self.user, symbol, interval, start, end)


class Bench:
    """A healer over a real store and spool, stepped by hand."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.clock = ManualClock(NOW, 1000.0)
        self.venue = FakeVenue(self.clock)
        self.store = FileStore(folder / "market.duckdb")
        self.spool = Spool(self.store.paths.folder / "spool", limit_bytes=10**8)
        self.closes: dict[str, list[Close]] = {}
        keep = {"1m": timedelta(hours=2), "1h": timedelta(hours=6)}
        self.healer = Healer(
            store=self.store,
            spool=self.spool,
            clients=self.venue.clients(),
            clock=self.clock,
            keep=options.pop("keep", keep),
            on_closes=lambda symbol, closes: self.closes.setdefault(symbol, []).extend(closes),
            settle_s=0.0,
            **options,
        )

    def begin(self, *symbols: str) -> None:
        """The symbols are streamed from the present minute on."""
        self.healer.rank(symbols)
        self.healer.scan_all(THIS_MINUTE)
        self.healer.drained(self.clock.monotonic())

    def work(self, most: int = 100) -> int:
        """Take steps until there is nothing to do; returns how many."""
        for step in range(most):
            if not self.healer._turn(threading.Event()):
                return step
        raise AssertionError(f"still busy after {most} steps: {self.venue.asked[-5:]}")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        self.spool.drain(self.store)
        return self.store.read(sql).rows()

    def gaps(self) -> list[tuple[object, ...]]:
        return self.rows(
            "select symbol, channel, cause, epoch_ms(gap_to_at) - epoch_ms(gap_from_at),"
            " healed_rows from ingestion_gaps order by 2, 1, gap_from_at"
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_fresh_database_is_filled_by_rank_and_says_how_far_it_is(bench: Bench) -> None:
    """All minutes before all hours; one request each; the gaps say fresh and how many rows."""
    bench.begin("BTC", "ETH")
    bench.healer._turn(threading.Event())
    assert (bench.healer.progress().done, bench.healer.progress().total) == (0, 4)
    bench.clock.advance(5)
    bench.work()
    assert [(a[0], a[1], a[2]) for a in bench.venue.asked] == [
        ("backfill", "BTC", "1m"),
        ("backfill", "ETH", "1m"),
        ("backfill", "BTC", "1h"),
        ("backfill", "ETH", "1h"),
    ]
    minutes = 119  # the first minute of the two hours is cut in half, and that one is not kept
    assert bench.rows(
        "select symbol, interval, source, bool_and(is_closed), count(*) from hyperliquid_candles"
        " group by all order by all"
    ) == [
        ("BTC", "1h", "rest", True, 5),
        ("BTC", "1m", "rest", True, minutes),
        ("ETH", "1h", "rest", True, 5),
        ("ETH", "1m", "rest", True, minutes),
    ]
    assert bench.gaps() == [
        ("BTC", "candles", "fresh", minutes * MINUTE, minutes),
        ("ETH", "candles", "fresh", minutes * MINUTE, minutes),
        ("BTC", "candles_1h", "fresh", 5 * 60 * MINUTE, 5),
        ("ETH", "candles_1h", "fresh", 5 * 60 * MINUTE, 5),
    ]
    progress = bench.healer.progress()
    assert (progress.done, progress.total, progress.open_holes) == (4, 4, 0)
    assert progress.weight == 2 * (20 + 2) + 2 * (20 + 1)
    assert progress.eta_s == 0.0
    assert bench.closes["BTC"][-1] == (THIS_MINUTE - MINUTE, (THIS_MINUTE - MINUTE) / 1e6)


def test_a_second_look_asks_for_nothing_that_is_there(bench: Bench) -> None:
    bench.begin("BTC")
    bench.work()
    bench.spool.drain(bench.store)
    bench.venue.asked.clear()
    bench.begin("BTC")
    assert bench.work() == 1
    assert bench.venue.asked == []


def test_a_scan_waits_for_the_drain_of_what_was_received(tmp_path: Path) -> None:
    """Rows on their way to the database are not holes."""
    bench = Bench(tmp_path)
    bench.healer.rank(["BTC"])
    bench.healer.drained(bench.clock.monotonic() - 1)
    bench.healer.scan_all(THIS_MINUTE)
    assert bench.work() == 0
    bench.healer.drained(bench.clock.monotonic())
    assert bench.work() > 0


def test_what_the_venue_does_not_have_is_asked_for_once(bench: Bench) -> None:
    """Listed ten minutes ago: the gap is healed with ten rows and never asked for again."""
    bench.venue.listed_ms = THIS_MINUTE - 10 * MINUTE
    bench.begin("NEW")
    bench.work()
    assert bench.gaps()[0] == ("NEW", "candles", "fresh", 119 * MINUTE, 10)
    bench.venue.asked.clear()
    bench.begin("NEW")
    bench.work()
    assert bench.venue.asked == []


def test_a_hole_of_the_stream_is_healed_on_the_streams_account(bench: Bench) -> None:
    bench.begin("BTC")
    bench.work()
    bench.venue.asked.clear()
    bench.clock.advance(240)
    start = THIS_MINUTE + MINUTE
    bench.healer.add([Hole("BTC", start, start + 2 * MINUTE, "reconnect")])
    bench.work()
    assert bench.venue.asked == [("stream", "BTC", "1m", 2)]
    assert bench.gaps()[1] == ("BTC", "candles", "reconnect", 2 * MINUTE, 2)


def test_a_minute_that_is_not_over_is_not_asked_for_yet(bench: Bench) -> None:
    bench.begin("BTC")
    bench.work()
    bench.venue.asked.clear()
    bench.healer.add([Hole("BTC", THIS_MINUTE, THIS_MINUTE + MINUTE, "silence")])
    bench.work()
    assert bench.venue.asked == []
    bench.clock.advance(40)
    bench.work()
    assert bench.venue.asked == [("stream", "BTC", "1m", 1)]


def test_an_answer_that_ends_early_is_asked_for_again_and_then_believed(bench: Bench) -> None:
    """REST may lag behind the stream; after a while, nothing there means nothing traded."""
    bench.begin("BTC")
    bench.work()
    bench.clock.advance(130)
    bench.venue.asked.clear()
    bench.venue.until_ms = THIS_MINUTE + MINUTE
    bench.healer.add([Hole("BTC", THIS_MINUTE, THIS_MINUTE + 2 * MINUTE, "silence")])
    bench.work()
    assert [a[3] for a in bench.venue.asked] == [2]
    assert bench.gaps()[1][4] is None
    bench.clock.advance(15)
    bench.work()
    assert [a[3] for a in bench.venue.asked] == [2, 1]
    bench.clock.advance(300)
    bench.work()
    assert bench.gaps()[1][4] == 1
    assert bench.closes["BTC"][-1] == (THIS_MINUTE + MINUTE, None)


def test_a_symbol_without_any_candle_is_told_so(bench: Bench) -> None:
    """Never traded: then a minute without a frame is no hole."""
    bench.venue.until_ms = 0
    bench.begin("DEAD")
    bench.work()
    assert bench.closes == {"DEAD": [(THIS_MINUTE - MINUTE, None)]}


@pytest.mark.parametrize(
    "error", [VenueRejected("hyperliquid", "no"), VenueNonsense("hyperliquid", "odd")]
)
def test_a_symbol_that_fails_blocks_no_other(bench: Bench, error: Exception) -> None:
    bench.venue.failures = {"BAD": error}
    bench.begin("BAD", "BTC")
    bench.work()
    assert {row[0] for row in bench.rows("select symbol from hyperliquid_candles")} == {"BTC"}
    progress = bench.healer.progress()
    assert progress.failing == {"BAD": f"1 attempts: BAD 1h: {error}"}
    assert progress.last_error is None
    bench.venue.failures = {}
    bench.clock.advance(11)
    bench.work()
    assert bench.healer.progress().open_holes == 0


def test_a_venue_that_is_down_is_left_alone_and_asked_again() -> None:
    """Three failures in a row: pauses that double up to a minute."""
    clock = ManualClock(NOW)
    venue = FakeVenue(clock, failures={"A": VenueUnavailable("hyperliquid", "down")})
    source = CandleSource(venue.clients(), clock)
    pauses = []
    for _ in range(10):
        assert source.candles("A", "1m", Span(0, MINUTE), "stream") is None
        pauses.append(source.resume_at - clock.monotonic())
    assert pauses == [0.0, 0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert source.candles("B", "1m", Span(0, MINUTE), "stream")
    assert source.candles("A", "1m", Span(0, MINUTE), "stream") is None
    assert source.resume_at == clock.monotonic()


@pytest.mark.parametrize("status", [500, 422])
def test_refusals_of_several_listed_symbols_are_the_venues_fault(status: int) -> None:
    """Told of every coin that it is none: the venue is left alone, as after any other failure."""
    clock = ManualClock(NOW)
    symbols = ["A", "B", "C", "D"]
    refusal = VenueRejected("hyperliquid", "null", status)
    venue = FakeVenue(clock, failures=dict.fromkeys(symbols, refusal))
    source = CandleSource(venue.clients(), clock)
    pauses = []
    for symbol in symbols:
        assert source.candles(symbol, "1m", Span(0, MINUTE), "stream") is None
        pauses.append(source.resume_at - clock.monotonic())
    assert pauses == [0.0, 0.0, 2.0, 4.0]


def test_one_symbol_that_is_refused_again_and_again_stops_nobody() -> None:
    clock = ManualClock(NOW)
    venue = FakeVenue(clock, failures={"A": VenueRejected("hyperliquid", "no", 422)})
    source = CandleSource(venue.clients(), clock)
    for _ in range(10):
        assert source.candles("A", "1m", Span(0, MINUTE), "stream") is None
        assert source.resume_at == clock.monotonic()


def test_a_full_spool_keeps_the_work(tmp_path: Path) -> None:
    """Nothing is called healed that is not on disk."""
    bench = Bench(tmp_path)
    bench.begin("BTC")
    bench.spool._limit_bytes = 3000
    stop = threading.Event()
    thread = threading.Thread(target=bench.healer.run, args=(stop,))
    thread.start()
    deadline = threading.Event()
    while not bench.healer.progress().last_error and not deadline.wait(0.01):
        pass
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert bench.healer.progress().done == 0
    bench.spool._limit_bytes = 10**8
    bench.clock.advance(60)
    bench.work()
    assert bench.healer.progress().done == 2


def test_the_last_hour_is_read_again_once_an_hour(tmp_path: Path) -> None:
    """When nothing else is to be done; a wrong bar is corrected by a later, equal count."""
    bench = Bench(tmp_path, reread_weight=10_000.0)
    bench.begin("A", "B")
    bench.work()
    bench.venue.asked.clear()
    for _ in range(4):
        bench.clock.advance(1800)
        bench.work()
    assert [(a[1], a[3]) for a in bench.venue.asked] == [
        ("A", 60),
        ("B", 60),
        ("A", 60),
        ("B", 60),
    ]


def test_an_open_gap_of_an_earlier_session_is_closed_when_its_rows_are_there(
    bench: Bench,
) -> None:
    """Killed between the rows and the gap's row: the next session finds nothing missing."""
    bench.begin("BTC")
    bench.work()
    [(from_at,)] = bench.rows("select gap_from_at from ingestion_gaps where channel = 'candles'")
    assert isinstance(from_at, datetime)
    left = Gap("BTC", "1m", to_ms(from_at), THIS_MINUTE, "fresh", from_ms(THIS_MINUTE))
    bench.store.merge(INGESTION_GAPS, gap_rows([left]))
    assert bench.gaps()[0][4] is None
    bench.begin("BTC")
    bench.work()
    assert bench.gaps()[0][4] == 0


def test_a_symbol_that_leaves_and_comes_back_has_its_hole_filled(bench: Bench) -> None:
    """Meanwhile the hole is on record as open, with the reason, and is not counted."""
    bench.begin("BTC", "ETH")
    bench.work()
    bench.clock.advance(240)
    bench.venue.failures = {"ETH": VenueUnavailable("hyperliquid", "down")}
    bench.healer.add([Hole("ETH", THIS_MINUTE, THIS_MINUTE + 2 * MINUTE, "reconnect")])
    bench.healer._turn(threading.Event())
    assert bench.healer.progress().open_holes == 1
    bench.healer.rank(["BTC"], listed=["BTC", "ETH"])
    bench.work()
    assert bench.healer.progress().open_holes == 0
    eth = "select cause, healed_at is null, healed_rows from ingestion_gaps where symbol = 'ETH'"
    where = f"{eth} and channel = 'candles' order by gap_from_at desc limit 1"
    assert bench.rows(where) == [("unsubscribed", True, None)]
    bench.healer.rank(["BTC"], listed=["BTC"])
    bench.venue.failures = {}
    bench.healer.rank(["BTC", "ETH"], listed=["BTC", "ETH"])
    bench.healer.scan(["ETH"], THIS_MINUTE + 3 * MINUTE, cause="listing")
    bench.healer.drained(bench.clock.monotonic())
    bench.clock.advance(10)
    bench.work()
    assert bench.rows(where) == [("unsubscribed", False, 3)]
    opens = bench.rows(
        "select count(*) from hyperliquid_candles where symbol = 'ETH' and interval = '1m'"
        " and open_at >= '2026-03-08 12:30:00+00'"
    )
    assert opens == [(3,)]


def test_a_hole_that_is_told_after_its_symbol_has_left_is_on_record(bench: Bench) -> None:
    bench.begin("BTC")
    bench.healer.add([Hole("GONE", THIS_MINUTE, THIS_MINUTE + MINUTE, "reconnect")])
    bench.work()
    assert bench.rows("select cause, healed_at from ingestion_gaps where symbol = 'GONE'") == [
        ("unlisted", None)
    ]
    assert not [asked for asked in bench.venue.asked if asked[1] == "GONE"]


def test_a_clock_that_was_ahead_leaves_no_hole_of_what_has_not_come(bench: Bench) -> None:
    """Holes of minutes to come are dropped; those of the past are told as found by now."""
    bench.begin("BTC")
    bench.work()
    bench.venue.asked.clear()
    bench.clock.jump(7200)
    ahead = THIS_MINUTE + 100 * MINUTE
    past = THIS_MINUTE - 5 * MINUTE
    bench.healer._plan.add("1m", [Hole("BTC", past, past + MINUTE, "silence")], bench.clock.now())
    bench.healer.add([Hole("BTC", ahead, ahead + 2 * MINUTE, "silence")])
    bench.healer._note_arrived()
    bench.healer.add([Hole("BTC", THIS_MINUTE - MINUTE, ahead, "silence")])
    bench.clock.jump(-7200)
    bench.healer.rewind()
    bench.work()
    assert bench.venue.asked == [("stream", "BTC", "1m", 5)]
    assert bench.healer.progress().open_holes == 0
    assert bench.rows(
        "select epoch_ms(gap_from_at), epoch_ms(gap_to_at), detected_at <= healed_at"
        " from ingestion_gaps where cause = 'silence' and healed_at is not null order by 1"
    ) == [(past, past + MINUTE, True), (THIS_MINUTE - MINUTE, THIS_MINUTE, True)]


def test_a_symbol_that_breaks_the_program_costs_itself(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.venue.failures = {"BAD": ZeroDivisionError("nobody thought of it")}
    bench.begin("BAD", "BTC")
    bench.work()
    assert {row[0] for row in bench.rows("select symbol from hyperliquid_candles")} == {"BTC"}
    assert "nobody thought of it" in str(bench.healer.progress().failing)
    assert "BAD" in caplog.text


def test_a_gap_that_could_not_be_kept_is_kept_later(bench: Bench) -> None:
    """The disk is full when the hole is told: its row is written once there is room."""
    bench.begin("BTC")
    bench.work()
    bench.spool._limit_bytes = 10
    bench.healer.add([Hole("BTC", THIS_MINUTE, THIS_MINUTE + MINUTE, "reconnect")])
    with pytest.raises(SpoolFull):
        bench.healer._turn(threading.Event())
    bench.spool._limit_bytes = 10**8
    bench.work()
    assert bench.rows("select cause, healed_at from ingestion_gaps where cause = 'reconnect'") == [
        ("reconnect", None)
    ]
