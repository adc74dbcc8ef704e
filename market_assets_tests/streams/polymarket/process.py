"""A session in a process of its own, for tests that kill it.

Arguments: the database, the address of REST, the address of the channel.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from market_assets.machine_paths import machine_paths
from market_assets.proxies import Proxies
from market_assets.storage.files.store import FileStore
from market_assets.streams.polymarket import assembly, token_watch


class Settings:
    """What a session asks of the settings."""

    spool_limit_bytes = 10**8
    session_length = timedelta(hours=1)
    proxies = Proxies()

    def __init__(self, database: Path, clob_url: str, ws_url: str) -> None:
        self.machine = machine_paths(database)
        self.polymarket_clob_url = clob_url
        self.polymarket_ws_url = ws_url


def main() -> None:
    database, clob_url, ws_url = Path(sys.argv[1]), *sys.argv[2:4]
    token_watch.EVERY_S = 0.2  # type: ignore[misc]
    assembly.FLUSH = timedelta(seconds=0.2)  # type: ignore[misc]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    session = assembly.polymarket_session(
        FileStore(database),
        Settings(database, clob_url, ws_url),
        code_version="test",
        run_id="",
        duration=timedelta(minutes=10),
    )
    sys.stdout.write("streaming\n")
    sys.stdout.flush()
    session.run(stop)


if __name__ == "__main__":
    main()
