"""Bad days: sessions are killed, sockets misbehave, the venue is away, the database is held.

Afterwards no acknowledged row is lost, none is doubled, and the candles are the venue's own.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import polars as pl
import pytest

from market_assets.clock import from_ms
from market_assets_tests.streams.hyperliquid.rig import BUCKET, MINUTE, Process, Rig, rig
from market_assets_tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

SPEED = 40.0


def stream_until_killed(r: Rig, after: float) -> Process:
    """Start a session and kill it `after` s from when its first row is acknowledged."""
    before = len(r.acknowledged())
    process = r.start()
    until(lambda: len(r.acknowledged()) > before, "an acknowledged row")
    time.sleep(after)  # the moment of the kill is what is varied
    process.kill()
    return process


def finish(r: Rig) -> None:
    """One more session, until it has healed everything; then check it all."""
    process = r.start(reread_weight=10_000.0)
    through_ms = r.now_minute()
    r.wait_complete(through_ms)
    r.wait_true(through_ms)
    end = process.end()
    assert (end["reason"], end["is_drained"]) == ("stopped", True)
    r.check(through_ms)


def kill_at_random_moments(folder: Path, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    with rig(folder, speed=SPEED, rate=3.0) as r:
        for _ in range(kills):
            stream_until_killed(r, moments.uniform(0.0, 1.0))
            assert r.lease.peek().state == "free"
        finish(r)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """With kill -9, under load, three times."""
    kill_at_random_moments(tmp_path, 3, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_killed_a_hundred_times(tmp_path: Path) -> None:
    kill_at_random_moments(tmp_path, 100, seed=2)


FAULTS = {
    "drop": {"name": "drop"},
    "close": {"name": "close"},
    "silent": {"name": "silent_but_pong", "seconds": 2.5},
    "freeze": {"name": "freeze", "seconds": 2.5},
    "garbage": [{"name": "not_json", "count": 20}, {"name": "unknown_channel", "count": 20}],
    "duplicate": {"name": "duplicate", "channel": "candle", "seconds": 2.0},
    "late": {"name": "late", "channel": "candle", "seconds": 2.0},
    "nonsense": {"name": "wrong_types", "coin": "DOGE", "seconds": 4.0},
    "http": [{"name": "http_502", "count": 5}, {"name": "http_cut", "count": 2}],
}


def survive(r: Rig, names: list[str]) -> None:
    """Put faults in force one after the other while a session streams."""
    process = r.start()
    r.wait_complete(r.began_ms)
    for name in names:
        r.venue.post("faults", FAULTS[name])
        struck_ms = r.now_minute()
        until(lambda at=struck_ms: r.now_minute() > at, "the next minute")
    r.venue.clear()
    through_ms = r.now_minute()
    r.wait_complete(through_ms)
    state = r.state()
    assert process.end()["reason"] == "stopped"
    r.check(through_ms)
    if "drop" in names:
        assert state["reconnects"] > 0


POLICY = {"mids_age": 20.0, "candle_age": 30.0}


def test_sockets_that_misbehave(tmp_path: Path) -> None:
    """Dropped, silent but for pongs, full of rubbish, late: the candles are the true ones."""
    with rig(tmp_path, speed=SPEED, policy=POLICY) as r:
        survive(r, ["drop", "silent", "late"])


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_sockets_that_misbehave_for_long(tmp_path: Path) -> None:
    moments = random.Random(3)
    with rig(tmp_path, speed=SPEED, policy=POLICY) as r:
        survive(r, [*FAULTS, *(name for _ in range(10) for name in moments.sample([*FAULTS], 4))])


def test_nonsense_of_one_symbol_leaves_the_others_alone(tmp_path: Path) -> None:
    """ETH's values have the wrong types from the start, in frames and in answers."""
    with rig(tmp_path, speed=SPEED) as r:
        r.venue.control(name="wrong_types", coin="ETH")
        process = r.start()
        sound = Rig(r.venue, r.folder, r.speed, tuple(s for s in r.symbols if s != "ETH"))
        sound.began_ms = r.began_ms
        sound.wait_complete(r.began_ms + MINUTE)
        state = r.state()
        assert state["rejected"] or state["undecodable"] or state["healing"]["failing"]
        sound.check_candles(r.began_ms + MINUTE)
        r.venue.clear()
        through_ms = r.now_minute()
        r.wait_complete(through_ms)
        assert process.end()["reason"] == "stopped"
        r.check(through_ms)


def venue_away(folder: Path, seconds: float) -> None:
    with rig(folder, speed=SPEED, policy=POLICY) as r:
        process = r.start()
        r.wait_complete(r.began_ms)
        r.venue.control(name="unavailable", seconds=seconds)
        gone_ms = r.now_minute()
        until(lambda: r.now_minute() > gone_ms + seconds * SPEED * 1000, "the outage")
        through_ms = r.now_minute()
        r.wait_complete(through_ms)
        assert process.end()["reason"] == "stopped"
        r.check(through_ms)
        causes = r.store.read(
            "select distinct cause from ingestion_gaps where healed_at is not null"
        )["cause"].to_list()
        assert "reconnect" in causes or "silence" in causes


def test_the_venue_is_away_and_comes_back(tmp_path: Path) -> None:
    """Somewhat over a minute of the venue's time; the holes are healed."""
    venue_away(tmp_path, 70 / SPEED)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_venue_is_away_for_ten_minutes(tmp_path: Path) -> None:
    venue_away(tmp_path, 600 / SPEED)


def test_the_venue_is_away_at_the_start(tmp_path: Path) -> None:
    """The registry in the database says what to stream until the venue's lists can be read."""
    with rig(tmp_path, speed=SPEED) as r:
        stream_until_killed(r, 0.5)
        r.venue.control(name="http_502")
        registry = (
            "select 'BTC' as symbol, 'perp' as kind, '' as dex, 'BTC' as display_name,"
            " 5 as sz_decimals, 40 as max_leverage, false as only_isolated,"
            " false as is_delisted, $now as first_seen_at, $now as updated_at,"
            " $now as ingested_at"
        )
        from market_assets.tables import HYPERLIQUID_ASSETS  # noqa: PLC0415 - one test's need

        schema = HYPERLIQUID_ASSETS.schema
        frame = r.store.read(registry, {"now": from_ms(r.now_minute())})
        unsaid = [pl.lit(None).alias(name) for name in schema if name not in frame.columns]
        frame = frame.with_columns(unsaid).select(list(schema)).cast(schema)
        r.store.merge(HYPERLIQUID_ASSETS, frame)
        process = r.start()
        before = len(r.acknowledged())
        until(lambda: len(r.acknowledged()) > before, "rows while REST is away")
        until(lambda: r.state()["subscriptions"]["wanted"] == 2, "the registry's one live symbol")
        r.venue.clear()
        through_ms = r.now_minute()
        r.wait_complete(through_ms)
        process.end()
        r.check(through_ms)


HOLDER = """
import sys, time, duckdb
while True:
    try:
        held = duckdb.connect(sys.argv[1])
        break
    except duckdb.IOException:
        time.sleep(0.001)
print("held", flush=True)
sys.stdin.readline()
"""


def test_another_process_holds_the_live_file(tmp_path: Path) -> None:
    """The spool grows, the state says so, and nothing is lost."""
    with rig(tmp_path, speed=SPEED) as r:
        process = r.start()
        r.wait_complete(r.began_ms)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(r.store.paths.live)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        held = len(r.acknowledged())
        until(lambda: "held" in (r.state().get("last_error") or ""), "an error in the state")
        until(lambda: r.state()["spool"]["segments"] > 10, "a spool that grows")
        assert len(r.acknowledged()) > held
        holder.communicate("\n", timeout=20)
        through_ms = r.now_minute()
        r.wait_complete(through_ms)
        assert process.end()["is_drained"]
        r.check(through_ms)


def buckets_are_complete(r: Rig, from_ms: int, through_ms: int) -> None:
    """Each 5-second bucket of each symbol is there."""
    rows = r.store.read(
        "select symbol, epoch_ms(bucket_at) from hyperliquid_mid_prices"
        " where bucket_at >= make_timestamptz(? * 1000) and bucket_at < make_timestamptz(? * 1000)",
        [from_ms, through_ms],
    ).rows()
    wanted = {(s, at) for s in r.symbols for at in range(from_ms, through_ms, BUCKET)}
    assert wanted - set(rows) == set()


def begin_handover(r: Rig) -> Process:
    """A session that has been asked to let another one take over."""
    old = r.start()
    r.wait_complete(r.began_ms)
    assert r.lease.request_handover("code changed")
    until(lambda: r.lease.peek().state == "handing_over", "the wish to be relieved")
    assert r.lease.peek().wants_session
    return old


def test_a_handover_loses_no_bucket_and_no_minute(tmp_path: Path) -> None:
    """The next session streams before the old one lets go; there are never two leaders."""
    with rig(tmp_path, speed=8.0, symbols=("BTC", "ETH")) as r:
        old = r.start()
        until(lambda: r.state().get("frames"), "frames")
        from_ms = (r.venue.now_ms() // BUCKET + 3) * BUCKET
        until(lambda: r.venue.now_ms() > from_ms, "a bucket")
        assert r.lease.request_handover("code changed")
        until(lambda: r.lease.peek().state == "handing_over", "the wish to be relieved")
        new = r.start()
        until(lambda: r.lease.peek().standby is not None, "a successor")
        leaders = []
        while old.is_running:
            view = r.lease.peek()
            if view.holder is not None and view.holder.pid not in leaders:
                leaders.append(view.holder.pid)
            time.sleep(0.005)
        assert old.wait()["reason"] == "handed_over"
        until(lambda: r.lease.peek().state == "alive", "the successor leads")
        until(lambda: r.state().get("pid") == new.popen.pid, "the successor's state")
        assert leaders in ([old.popen.pid], [old.popen.pid, new.popen.pid])
        through_ms = r.venue.now_ms() // BUCKET * BUCKET
        until(lambda: r.venue.now_ms() > through_ms + 3 * BUCKET, "a flush")
        rest_before = r.state()["healing"]["weight"]
        assert new.end()["reason"] == "stopped"
        buckets_are_complete(r, from_ms, through_ms)
        assert rest_before == 0, "what one of the two had heard was asked for again"


@pytest.mark.parametrize("victim", ["old", pytest.param("new", marks=pytest.mark.soak)])
def test_killed_in_the_middle_of_a_handover(tmp_path: Path, victim: str) -> None:
    """Whoever is left leads, or a third one can be started; the candles are complete."""
    with rig(tmp_path, speed=SPEED) as r:
        old = begin_handover(r)
        new = r.start()
        until(lambda: r.lease.peek().standby is not None, "a successor")
        if victim == "old":
            old.kill()
            until(lambda: r.lease.peek().state == "alive", "the successor leads")
            left = new
        else:
            new.kill()
            assert r.lease.peek().state == "handing_over"
            assert r.lease.peek().wants_session
            left = r.start()
            assert old.wait()["reason"] == "handed_over"
            until(lambda: r.lease.peek().state == "alive", "the third leads")
        through_ms = r.now_minute()
        r.wait_complete(through_ms)
        assert left.end()["reason"] == "stopped"
        r.check(through_ms)


@pytest.mark.soak
def test_if_nobody_comes_the_old_session_goes_on(tmp_path: Path) -> None:
    with rig(tmp_path, speed=SPEED, session_length=30.0) as r:
        old = r.start()
        until(lambda: r.lease.peek().state == "handing_over", "the wish to be relieved")
        through_ms = r.now_minute() + MINUTE
        r.wait_complete(through_ms)
        assert old.end()["reason"] == "stopped"
        r.check(through_ms)
