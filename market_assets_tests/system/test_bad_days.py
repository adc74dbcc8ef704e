"""Bad days of the whole system, at their real length. `make soak` runs them; some take minutes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from market_assets.streams.core.lease import Holder, Lease
from market_assets_tests.system.running import ROOT, System, system, until
from market_assets_tests.system.test_run import active_streams

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def query(running: System, sql: str, *params: object) -> list[tuple[Any, ...]]:
    """Rows of the published file, brought up to date first."""
    running.command("publish")
    with duckdb.connect(str(running.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, list(params)).fetchall()


def missing_buckets(running: System, since: datetime) -> list[tuple[Any, ...]]:
    """5-second buckets of BTC's mids that are not there, from `since` to the newest one."""
    return query(
        running,
        "with there as (select bucket_at from hyperliquid_mid_prices where symbol = 'BTC'),"
        " grid as (select unnest(generate_series(?::timestamptz,"
        " (select max(bucket_at) from there), interval '5 seconds')) as bucket_at)"
        " select * from grid anti join there using (bucket_at)",
        since,
    )


def missing_minutes(running: System) -> list[tuple[Any, ...]]:
    """Closed minutes between a symbol's first and last candle that are not there."""
    return query(
        running,
        "with bars as (select symbol, open_at from hyperliquid_candles where interval = '1m'),"
        " grid as (select symbol, unnest(generate_series(min(open_at), max(open_at),"
        " interval '1 minute')) as open_at from bars group by symbol)"
        " select symbol, count(*) from grid anti join bars using (symbol, open_at) group by symbol",
    )


def doubled_rows(running: System) -> list[tuple[Any, ...]]:
    return query(
        running,
        "select symbol, interval, open_at from hyperliquid_candles"
        " group by all having count(*) > 1"
        " union all select symbol, 'mid', bucket_at from hyperliquid_mid_prices"
        " group by all having count(*) > 1",
    )


def holder(running: System) -> Holder | None:
    return Lease(running.database.parent / "live").peek().holder


def child(running: System, what: str) -> psutil.Process:
    return next(p for p in running.processes() if what in " ".join(p.cmdline()))


def well(running: System) -> None:
    running.start()
    until(running.is_well, "every channel ok", 240, every_s=5)


@pytest.mark.parametrize(
    "what", ["dagster._daemon", "cli.web_server", "cli.code_server", "cli.services"]
)
def test_a_part_of_dagster_is_killed(tmp_path: Path, what: str) -> None:
    """It comes back by itself; the stream goes on meanwhile, and there is still only one."""
    with system(tmp_path) as running:
        well(running)
        streaming = holder(running)
        assert streaming is not None
        old = child(running, what)
        old.kill()
        until(
            lambda: any(
                what in " ".join(p.cmdline()) and p.pid != old.pid for p in running.processes()
            ),
            f"a new {what}",
            120,
        )
        until(running.is_well, "every channel ok again", 180, every_s=5)
        now = holder(running)
        assert now is not None
        assert now.session == streaming.session
        assert len(active_streams(running)) == 1
        for part in ("dagster._daemon", "cli.web_server", "cli.services"):
            alive = [p for p in running.processes() if part in " ".join(p.cmdline())]
            assert len(alive) == 1, part


def test_the_stream_is_killed_ten_times(tmp_path: Path) -> None:
    """Each time a new one streams within a minute; nothing is missing and nothing doubled."""
    with system(tmp_path) as running:
        well(running)
        for _ in range(10):
            old = holder(running)
            assert old is not None
            psutil.Process(old.pid).kill()

            def new(killed: int = old.pid) -> bool:
                found = holder(running)
                return found is not None and found.pid != killed

            until(new, "a new stream", 60)
            time.sleep(5)  # somewhere in its first flushes
        until(running.is_well, "every channel ok again", 120, every_s=5)
        until(lambda: not missing_minutes(running), "every hole healed", 180)
        assert doubled_rows(running) == []
        assert len(active_streams(running)) == 1


def test_somebody_holds_the_live_file_for_two_minutes(tmp_path: Path) -> None:
    """The spool grows, `status` says who it is, and afterwards everything is there."""
    with system(tmp_path, MARKET_LOCK_WAIT_SECONDS="10") as running:
        well(running)
        live = running.database.parent / "live" / "market.duckdb"
        since = until(lambda: _newest_bucket(running), "a mid", 60)
        code = (
            f"import duckdb, time; c = duckdb.connect({str(live)!r});"
            " print('held', flush=True); time.sleep(120)"
        )
        # A person who ignores the gate has to be lucky once.
        holding = None
        while holding is None:
            trying = subprocess.Popen(
                [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert trying.stdout is not None
            with trying.stdout as said:
                if said.readline() == b"held\n":
                    holding = trying
                else:
                    trying.wait()
        until(lambda: str(holding.pid) in running.command("status").stdout, "the culprit named", 90)
        holding.wait(timeout=150)
        until(running.is_well, "every channel ok again", 180, every_s=5)
        until(lambda: not missing_minutes(running), "every minute there", 180)
        assert missing_buckets(running, since) == []
        assert doubled_rows(running) == []


def _newest_bucket(running: System) -> datetime:
    ((newest,),) = query(running, "select max(bucket_at) from hyperliquid_mid_prices")
    return newest


def test_the_venue_is_down_for_ten_minutes(tmp_path: Path) -> None:
    """Stale meanwhile, and said so; whole again afterwards, the hole recorded and healed."""
    with system(tmp_path) as running:
        well(running)
        port = running.env["MARKET_SIMULATOR_PORT"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/__control__/faults",
            data=b'{"name": "refuse", "seconds": 600}',
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        until(lambda: running.statuses()["hyperliquid/mids"] in ("stale", "failed"), "stale", 500)
        assert running.command("check", check=False).returncode == 1
        until(running.is_well, "every channel ok again", 600, every_s=5)
        until(lambda: not missing_minutes(running), "every hole healed", 300)
        gaps = query(
            running,
            "select count(*), count(healed_at) from ingestion_gaps where cause <> 'fresh'"
            " and gap_to_at - gap_from_at > interval '5 minutes'",
        )
        assert gaps[0][0] == gaps[0][1] > 0
        assert doubled_rows(running) == []


def test_the_code_changes_while_it_streams(tmp_path: Path) -> None:
    """A reload starts a session on the new code; the old one hands over, and no bucket is lost."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "market_assets", copy / "market_assets")
    for name in ("pyproject.toml", "workspace.yaml", "dagster.yaml"):
        shutil.copy(ROOT / name, copy)
    with system(tmp_path, copy, PYTHONPATH=str(copy)) as running:
        well(running)
        old = holder(running)
        assert old is not None
        since = _newest_bucket(running)
        with (copy / "market_assets" / "clock.py").open("a") as file:
            file.write("\n# changed\n")
        assert b'"RepositoryLocation"' in running.reload()

        def new_leader() -> bool:
            found = holder(running)
            return found is not None and found.session != old.session

        until(new_leader, "a session on the new code", 180)
        now = holder(running)
        assert now is not None
        assert now.code_version != old.code_version
        until(lambda: not psutil.pid_exists(old.pid), "the old session gone", 60)
        time.sleep(20)
        assert missing_buckets(running, since + timedelta(seconds=5)) == []
        until(lambda: not missing_minutes(running), "every minute there", 120)
        assert doubled_rows(running) == []
        assert os.path.exists(running.database)  # noqa: PTH110 - the published file stays
        assert len(active_streams(running)) == 1
