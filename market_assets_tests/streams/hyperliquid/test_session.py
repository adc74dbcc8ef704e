"""A whole session against a simulated venue, in this process: what it brings, and how it ends."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.storage.common.errors import NotADatabase
from market_assets.storage.common.spool import Spool
from market_assets.streams.core.lease import LeaseHeldError
from market_assets.streams.core.options import Report, SessionEnd
from market_assets_tests.streams.hyperliquid.process import LoggedSpool, session, venue_clock
from market_assets_tests.streams.hyperliquid.rig import MINUTE, Rig, rig
from market_assets_tests.waiting import until
from market_simulator.clock import ScaledClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from market_assets.streams.core.session import StreamSession

SPEED = 40.0


@dataclass
class JumpyClock:
    """A machine's clock that runs with the venue's, until somebody sets it."""

    base: ScaledClock
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return self.base.now() + self.ahead

    def monotonic(self) -> float:
        return self.base.monotonic()


@dataclass
class Running:
    """A session in a thread of this process."""

    session: StreamSession
    clock: JumpyClock
    spool: Spool
    stop: threading.Event = field(default_factory=threading.Event)
    reports: list[Report] = field(default_factory=list)
    ends: list[SessionEnd | BaseException] = field(default_factory=list)
    alive: bool = True

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            end = self.session.run(self.stop, self.reports.append, lambda: self.alive)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.ends.append(error)
        else:
            self.ends.append(end)

    def wait_end(self) -> SessionEnd:
        self.thread.join(40)
        assert not self.thread.is_alive()
        end = self.ends[0]
        assert isinstance(end, SessionEnd), end
        return end


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One venue for all tests of this module; each has its own database."""
    with rig(tmp_path_factory.mktemp("venue"), speed=SPEED) as made:
        yield made


@pytest.fixture
def field_(shared: Rig, tmp_path: Path) -> Iterator[Rig]:
    """The shared venue with a database of this test's own."""
    made = Rig(shared.venue, tmp_path, SPEED, shared.symbols, shared.options, shared.policy)
    yield made
    shared.venue.clear()


@contextmanager
def running(on: Rig, *, ahead: timedelta = timedelta(), **options: Any) -> Iterator[Running]:
    """A session on the rig that has its first rows in the database."""
    said = on.said(**options)
    clock = JumpyClock(venue_clock(said), ahead)
    spool = LoggedSpool(on.store.paths.folder / "spool", on.folder / "acks", limit_bytes=10**9)
    made = Running(session(said, clock, spool=spool), clock, spool)
    made.start()
    try:
        until(lambda: made.reports or made.ends, "the first report")
        assert not made.ends, made.ends
        yield made
    finally:
        made.stop.set()
        made.thread.join(40)


def test_a_stop_leaves_everything_in_the_published_database(field_: Rig) -> None:
    """Clean end: sockets closed, spool empty, published, lease free, runs counted."""
    with running(field_) as r:
        field_.wait_complete(field_.began_ms + MINUTE)
        r.stop.set()
        end = r.wait_end()
    assert (end.reason, end.is_drained, end.error) == ("stopped", True, None)
    assert field_.lease.peek().state == "free"
    assert field_.spool.depth().segments == 0
    assert field_.state()["phase"] == "ended"
    field_.check(field_.began_ms + MINUTE)
    import duckdb  # noqa: PLC0415 - as a reader does

    with duckdb.connect(str(field_.store.paths.published), read_only=True) as reader:
        [(rows,)] = reader.sql("select count(*) from hyperliquid_candles").fetchall()
        [(written,)] = reader.sql(
            "select sum(rows_written) from ingestion_runs where asset_key = 'hyperliquid_candles'"
        ).fetchall()
        statuses = reader.sql("select distinct status from ingestion_runs").fetchall()
    assert rows > 0
    assert written == end.rows["hyperliquid_candles"]
    assert statuses == [("ok",)]
    assert sum(x.rows for x in r.reports if x.table == "hyperliquid_candles") == written


def test_reports_are_plain_numbers_once_an_interval(field_: Rig) -> None:
    with running(field_, report_interval=20.0) as r:
        until(lambda: len(r.reports) >= 4, "four reports")
    assert {report.table for report in r.reports} == {
        "hyperliquid_candles",
        "hyperliquid_mid_prices",
    }
    for report in r.reports:
        assert report.rows > 0
        assert report.event_from_at is not None
        assert all(isinstance(value, int | float) for value in report.metrics.values())
    last = r.reports[-2].metrics
    assert last["subscriptions"] == len(field_.symbols) + 1
    assert last["left_out"] == 0


def test_the_state_file_tells_how_it_is(field_: Rig) -> None:
    with running(field_) as r:
        state = until(
            lambda: (s := field_.state()).get("healing", {}).get("total") and s, "healing in state"
        )
        assert r.session
    assert state["phase"] == "streaming"
    assert state["subscriptions"]["wanted"] == len(field_.symbols) + 1
    assert state["last_error"] is None
    assert json.dumps(state)


def test_a_second_session_is_refused_and_leaves_the_first_alone(field_: Rig) -> None:
    with running(field_):
        other = session(field_.said(), venue_clock(field_.said()))
        with pytest.raises(LeaseHeldError):
            other.run(threading.Event())
        assert field_.lease.peek().state == "alive"


class InterruptError(BaseException):
    """As Dagster's: no `Exception`, raised in the main thread by a signal's handler."""


def test_an_interrupt_in_the_callers_thread_puts_everything_away(field_: Rig) -> None:
    """Raised while the session waits or reports: rows, spool, lease and threads are in order."""

    def report(_: Report) -> None:
        raise InterruptError("now")

    said = field_.said()
    with pytest.raises(InterruptError, match="now"):
        session(said, venue_clock(said)).run(threading.Event(), report)
    assert field_.lease.peek().state == "free"
    assert field_.spool.depth().segments == 0
    assert len(field_.acknowledged()) > 0
    field_._check_acknowledged()
    assert not [t.name for t in threading.enumerate() if t.name in ("stream", "drain", "heal")]


def test_a_report_that_cannot_be_made_is_made_later(field_: Rig) -> None:
    """Dagster's database is locked for a moment: the stream goes on, no row is left untold."""
    told: list[Report] = []
    refusals = iter(range(1))

    def report(made: Report) -> None:
        if next(refusals, None) is not None:
            raise RuntimeError("database is locked")
        told.append(made)

    said = field_.said(duration=120.0, report_interval=5.0)
    end = session(said, venue_clock(said)).run(threading.Event(), report)
    assert end.error is None
    for table in ("hyperliquid_candles", "hyperliquid_mid_prices"):
        assert sum(made.rows for made in told if made.table == table) == end.rows[table]


def test_a_file_of_another_kind_ends_the_session(field_: Rig) -> None:
    """No waiting would cure it; the folder is left as it was, and the lease is free."""
    field_.store.paths.published.write_text("a shopping list")
    said = field_.said()
    with pytest.raises(NotADatabase):
        session(said, venue_clock(said)).run(threading.Event())
    assert field_.lease.peek().state == "free"
    assert field_.store.paths.published.read_text() == "a shopping list"


def test_without_its_supervisor_a_session_ends(field_: Rig) -> None:
    with running(field_) as r:
        r.alive = False
        assert r.wait_end().reason == "supervisor_gone"


def test_a_session_whose_lock_is_taken_away_ends(field_: Rig) -> None:
    with running(field_) as r:
        (field_.store.paths.folder / "stream.lock").unlink()
        assert r.wait_end().reason == "lock_lost"


def test_a_session_with_a_duration_ends_by_itself(field_: Rig) -> None:
    said = field_.said(duration=60.0)
    end = session(said, venue_clock(said)).run(threading.Event())
    assert end.reason == "duration"
    assert end.ended_at - end.began_at >= timedelta(seconds=60)


def test_the_cap_leaves_out_the_least_traded(field_: Rig) -> None:
    """Three subscriptions: the mids, and the two candles that trade most."""
    with running(field_, subscriptions=3) as r:
        state = until(lambda: (s := field_.state()).get("frames") and s, "state")
        assert state["subscriptions"]["wanted"] == 3
        assert state["subscriptions"]["left_out"]["count"] == 2
        volumes = {x.symbol: x.volume for x in r.session._flow._universe.targets.assets.values()}
        left_out = state["subscriptions"]["left_out"]["first"]
        kept = set(field_.symbols) - set(left_out)
        assert min(volumes[s] for s in kept) >= max(volumes[s] for s in left_out)


def test_a_new_listing_is_streamed_and_a_delisted_one_is_not(field_: Rig) -> None:
    """An unknown coin in the mids has the lists read at once; no restart."""
    try:
        with running(field_, restrict=[], heal=False) as r:
            assert len(r.session._flow._recorder._book.symbols) > 4
            field_.venue.list_asset("FRESH")
            until(lambda: "FRESH" in r.session._flow._recorder._book.symbols, "the new listing")
            until(
                lambda: (
                    field_.store.read(
                        "select 1 from hyperliquid_mid_prices where symbol = 'FRESH'"
                    ).height
                ),
                "its mids",
            )
    finally:
        field_.venue.delist("FRESH")


def test_a_spool_that_is_full_costs_nothing_once_there_is_room(field_: Rig) -> None:
    """The error is loud; the newest state waits in memory, and is written when it can be."""
    with running(field_) as r:
        field_.wait_complete(field_.began_ms)
        r.spool._limit_bytes = 100
        until(lambda: "holds" in (field_.state().get("last_error") or ""), "a loud error")
        full_ms = field_.now_minute()
        until(lambda: field_.now_minute() > full_ms + MINUTE, "a minute")
        assert r.session._flow._recorder.waiting > 0
        r.spool._limit_bytes = 10**9
        field_.wait_complete(full_ms + MINUTE)
    field_.check(full_ms + MINUTE)


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [3600, -3600, 40])
def test_a_clock_that_is_set_leaves_no_wrong_row(field_: Rig, seconds: int) -> None:
    """Set and set back while it streams: rows stand where the venue has them."""
    with running(field_) as r:
        field_.wait_complete(field_.began_ms)
        r.clock.ahead = timedelta(seconds=seconds)
        jumped_ms = field_.now_minute()
        field_.wait_complete(jumped_ms)
        r.clock.ahead = timedelta()
        field_.wait_complete(jumped_ms + MINUTE)
        now_ms = field_.venue.now_ms()
    field_.check(jumped_ms + MINUTE)
    nothing_is_from_the_future(field_, now_ms)


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_clock_that_was_never_right_is_found_out(field_: Rig, ahead: timedelta) -> None:
    """What was written before the venue's minutes told is deleted, and healed."""
    with running(field_, ahead=ahead) as r:
        until(lambda: r.session._clock.jumps and not r.session._clock.in_doubt, "the true time")
        found_ms = field_.now_minute()
        field_.wait_complete(found_ms)
        now_ms = field_.venue.now_ms()
    field_.check_candles(found_ms)
    nothing_is_from_the_future(field_, now_ms)


def nothing_is_from_the_future(field_: Rig, now_ms: int) -> None:
    """No row has a time that the venue has not reached, give or take."""
    [(newest,)] = field_.store.read(
        "select epoch_ms(greatest((select max(open_at) from hyperliquid_candles),"
        " (select max(ingested_at) from hyperliquid_candles),"
        " (select max(ingested_at) from hyperliquid_mid_prices)))"
    ).rows()
    assert newest < now_ms + 10 * MINUTE
