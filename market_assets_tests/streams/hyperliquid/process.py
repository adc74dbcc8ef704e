"""A session as a process of its own, to be killed (`python -m` this module).

Its one argument is JSON: `db`, `url`, `ws_url`, `speed`, `acks` (a file that every row that the
spool has acknowledged is written to), `code_version` and `options` (times in venue seconds). It
prints its end as JSON. SIGTERM ends it cleanly.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from market_assets.clock import from_ms
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.feed import FeedPolicy, HyperliquidFeed
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.common.segments import Content
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.lease import LeaseHeldError
from market_assets.streams.core.session import StreamSession
from market_assets.streams.hyperliquid.flow import HyperliquidFlow
from market_assets.streams.hyperliquid.options import HyperliquidOptions
from market_simulator.clock import ScaledClock

if TYPE_CHECKING:
    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.feed import FeedSink

MID_BUCKET_PHASE_S = 1.5
"""The clock is that much ahead of the venue's, so that no mid comes at the edge of its bucket."""


_KINDS = {field.name: field.type for field in dataclasses.fields(HyperliquidOptions)}
TIMES = {name for name, kind in _KINDS.items() if "timedelta" in str(kind)}
"""The options that are times."""


class LoggedSpool(Spool):
    """A spool that tells a file what it has acknowledged, after it has."""

    def __init__(self, directory: Path, acks: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self._acks = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append_together(self, contents: Sequence[Content]) -> Path:
        path = super().append_together(contents)
        for table, frame, _ in contents:
            rows = frame.select(*table.key, *table.version).rows()
            text = "".join(json.dumps([table.name, *row], default=str) + "\n" for row in rows)
            os.write(self._acks, text.encode())
        return path


def session(said: dict[str, Any], clock: Clock, *, spool: Spool | None = None) -> StreamSession:
    """A session against a simulated venue."""
    store = FileStore(Path(said["db"]), lock_wait=timedelta(seconds=2))
    spool = spool or LoggedSpool(
        store.paths.folder / "spool", Path(said["acks"]), limit_bytes=10**9
    )
    options = {
        name: timedelta(seconds=value) if name in TIMES else value
        for name, value in said["options"].items()
    }

    def client_for(user: str, session_clock: Clock) -> HyperliquidClient:
        retries = RetryPolicy(attempts=2, first_delay=0.1, busy_delay=0.5, deadline=600)
        return HyperliquidClient(
            said["url"], user=user, clock=session_clock, timeout=3, retries=retries
        )

    def feed(sink: FeedSink, session_clock: Clock) -> HyperliquidFeed:
        policy = FeedPolicy(**said.get("policy", {}))
        return HyperliquidFeed(said["ws_url"], sink, clock=session_clock, policy=policy)

    wanted = HyperliquidOptions(**options)
    return StreamSession(
        options=wanted,
        store=store,
        spool=spool,
        folder=store.paths.folder,
        flow_for=lambda clock, call: HyperliquidFlow(
            clock,
            call,
            options=wanted,
            store=store,
            spool=spool,
            client_for=client_for,
            feed=feed,
        ),
        code_version=said.get("code_version", "test"),
        run_id=said.get("run_id", "test"),
        clock=clock,
    )


def venue_clock(said: dict[str, Any]) -> ScaledClock:
    """A clock that runs with the simulated venue's."""
    url = f"{said['url']}/__control__/stats"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the loopback venue
        now_ms = json.load(answer)["venue_time_ms"]
    start = from_ms(now_ms) + timedelta(seconds=MID_BUCKET_PHASE_S)
    return ScaledClock(speed=said["speed"], start=start)


def main() -> None:
    """Stream until SIGTERM."""
    said = json.loads(sys.argv[1])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        end = session(said, venue_clock(said)).run(stop)
    except LeaseHeldError as held:
        _tell({"reason": "held", "error": str(held)})
        sys.exit(3)
    told = {"reason": end.reason, "rows": dict(end.rows), "is_drained": end.is_drained}
    _tell(told | {"error": end.error})


def _tell(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
