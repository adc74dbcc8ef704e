"""What a session says of itself: everything that the feed counts, and why it is not connected."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.clock import ManualClock
from market_assets.machine_paths import MachinePaths
from market_assets.operations.health.streams import read_stream, stream_row
from market_assets.sources.feed_stats import FeedStats
from market_assets.storage.common.spool import SpoolDepth
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.accounts import Accounts
from market_assets.streams.core.flow import Coverage
from market_assets.streams.core.heal_progress import HealingProgress
from market_assets.streams.core.state import STATE_FILE
from market_assets.streams.core.venue_clock import VenueClock
from market_assets_tests.streams.hyperliquid.process import session, venue_clock
from market_assets_tests.streams.hyperliquid.rig import Rig, rig
from market_assets_tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 8, 12, 30, tzinfo=UTC)
STATS = FeedStats(
    sockets=7001,
    connected=7002,
    subscribed=7003,
    refused={"coin refused": "text of refusal"},
    left_out=("coin left out",),
    frames=7004,
    frames_by_channel={"candle": 7005},
    undecodable=7006,
    undecodable_samples=("sample of garbage",),
    rejected={"coin rejected": "reason of rejection"},
    reconnects=7007,
    reconnects_by_cause={"silence": 7008},
    trouble="text of trouble",
    ages_s={"allMids": 7009.0},
)


def accounts(
    stats: FeedStats, *, tmp_path: Path, errors: dict[str, str] | None = None, set_aside: int = 0
) -> Accounts:
    """The accounts of a session whose parts say what they are told to."""
    said = dict.fromkeys(("drain", "publish", "disk", "lists", "healing")) | (errors or {})
    clock = VenueClock(ManualClock(NOW))
    parts: Any = {
        "flow": SimpleNamespace(
            stats=lambda: stats,
            coverage=lambda: Coverage(0, 0, 0, 0),
            tables=(),
            waiting=0,
            left_out=(),
            figures={"refused_frames": 0},
            error=said["lists"],
            healer=SimpleNamespace(progress=lambda: HealingProgress(last_error=said["healing"])),
        ),
        "streaming": SimpleNamespace(rejected={}, disk_error=said["disk"]),
        "drainer": SimpleNamespace(total={}, error=said["drain"], publish_error=said["publish"]),
        "spool": SimpleNamespace(depth=lambda: SpoolDepth(0, 0, 0.0, set_aside)),
        "store": FileStore(tmp_path / "market.duckdb"),
        "clock": clock,
    }
    return Accounts(**parts, run_id="r", code_version="c", since=clock.now())


def leaves(value: object) -> Iterator[object]:
    """Every plain value in nested ones, the keys of dictionaries included."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)
    else:
        yield value


def test_all_that_the_feed_knows_is_in_the_account(tmp_path: Path) -> None:
    """A field that is added to the stats and told to nobody fails here."""
    folder = tmp_path / "state"
    accounts(STATS, tmp_path=tmp_path).state("streaming").write(folder / STATE_FILE)
    said = set(leaves(json.loads((folder / STATE_FILE).read_text())))
    for field in dataclasses.fields(FeedStats):
        missing = set(leaves(getattr(STATS, field.name))) - said
        assert not missing, f"{field.name}: {missing} is not in the account"


def test_a_socket_that_is_not_open_is_an_error_with_its_reason(tmp_path: Path) -> None:
    """For as long as it is not open; a reason of before is no error of now."""
    down = replace(STATS, sockets=3, connected=2, trouble="no connection: refused")
    assert accounts(down, tmp_path=tmp_path).last_error == (
        "1 of 3 WebSockets not open: no connection: refused"
    )
    up = replace(down, connected=3)
    assert accounts(up, tmp_path=tmp_path).last_error is None
    starting = replace(down, trouble="")
    assert accounts(starting, tmp_path=tmp_path).last_error is None


def test_the_worst_error_is_told_and_without_secrets(tmp_path: Path) -> None:
    down = replace(STATS, sockets=1, connected=0, trouble="proxy http://me:hunter2@proxy:1 refused")
    assert accounts(down, tmp_path=tmp_path).last_error == (
        "1 of 1 WebSockets not open: proxy http://proxy:1 refused"
    )
    assert "hunter2" not in str(accounts(down, tmp_path=tmp_path).state("streaming"))
    errors = {"publish": "publishing: no room", "lists": "502", "healing": "500"}
    assert accounts(down, tmp_path=tmp_path, errors=errors).last_error == "publishing: no room"
    assert accounts(down, tmp_path=tmp_path, set_aside=2).last_error == (
        "2 spool segments cannot be read and are set aside"
    )


@contextmanager
def refusing(status: int) -> Iterator[str]:
    """The address of a server that answers every handshake with that status."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("venue"), speed=20.0) as made:
        yield made


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("refused", "ConnectionRefusedError"),
        ("name", "gaierror"),
        ("403", "HTTP 403"),
        ("certificate", "SSL"),
    ],
)
def test_a_socket_that_never_opens_is_told_with_the_reason(
    kind: str, reason: str, venue: Rig, closed_port: str, tmp_path: Path
) -> None:
    """REST is well and heals meanwhile: rows come, and all the same this is not well."""
    on = Rig(venue.venue, tmp_path, venue.speed, venue.symbols, venue.options, venue.policy)
    with refusing(403) as server:
        address = {
            "refused": f"ws://{closed_port}",
            "name": "ws://nowhere.invalid",
            "403": f"ws://{server}",
            "certificate": f"wss://{server}",
        }[kind]
        said = {**on.said(), "ws_url": address}
        stop = threading.Event()
        ends: list[Any] = []
        thread = threading.Thread(
            target=lambda: ends.append(session(said, venue_clock(said)).run(stop))
        )
        thread.start()
        try:
            state = until(
                lambda: (
                    (s := on.state()).get("last_error")
                    and s.get("healing", {}).get("healed_rows")
                    and s.get("lag_s")
                    and s
                ),
                "rows from REST, and an error",
            )
        finally:
            stop.set()
            thread.join(40)
    assert reason in state["last_error"]
    assert "not open" in state["last_error"]
    [end] = ends
    assert end.healed_rows > 0
    assert end.data_frames == 0
    assert reason in end.error
    now = datetime.fromisoformat(on.state()["written_at"]) + timedelta(seconds=1)
    row = stream_row(
        "hyperliquid",
        "stream",
        read_stream(MachinePaths(on.store.paths.folder), "hyperliquid"),
        now,
    )
    assert row.status == "failed"
    assert reason in (row.last_error or "")
