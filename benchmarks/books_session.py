"""A session of Polymarket's stream that notes when each frame came; `books_latency.py` starts it.

Arguments: the database, the address of REST, that of the channel, the file that takes the notes.
It is a process of its own, so that its memory is the stream's: without Dagster, and with nothing of
the simulator.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from array import array
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from market_assets.machine_paths import machine_paths
from market_assets.proxies import Proxies
from market_assets.storage.files.store import FileStore
from market_assets.streams.polymarket.assembly import polymarket_session
from market_assets.streams.polymarket.book_keeper import BookKeeper

if TYPE_CHECKING:
    from market_assets.sources.polymarket.market_channel import MarketEvent


class Settings:
    """What a session asks of the settings."""

    spool_limit_bytes = 10**9
    session_length = timedelta(hours=1)
    proxies = Proxies()

    def __init__(self, database: Path, clob_url: str, ws_url: str) -> None:
        """The defaults, with these addresses."""
        self.machine = machine_paths(database)
        self.polymarket_clob_url = clob_url
        self.polymarket_ws_url = ws_url


class Notes:
    """Of each frame of changes: the first token, the venue's instant, and when it came."""

    def __init__(self) -> None:
        """None yet."""
        self._numbers: dict[str, int] = {}
        self._tokens = array("i")
        self._venue_ms = array("q")
        self._came_s = array("d")

    def watch(self) -> None:
        """Have every keeper of books that is made from now on note what it hears."""
        hear, numbers = BookKeeper.event, self._numbers

        def event(keeper: BookKeeper, heard: MarketEvent) -> None:
            if heard.price_changes and heard.timestamp:
                token = heard.price_changes[0].asset_id
                self._tokens.append(numbers.setdefault(token, len(numbers)))
                self._venue_ms.append(int(heard.timestamp))
                self._came_s.append(time.time())
            hear(keeper, heard)

        BookKeeper.event = event  # type: ignore[method-assign]

    def write(self, path: Path) -> None:
        """Put them into an Arrow file."""
        names = list(self._numbers)
        columns = {
            "token_id": [names[number] for number in self._tokens],
            "venue_ms": list(self._venue_ms),
            "came_s": list(self._came_s),
        }
        pl.DataFrame(columns).write_ipc(path)


def main() -> None:
    """Stream until told to stop, then write the notes."""
    database, clob_url, ws_url, file = Path(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4])
    notes, stop = Notes(), threading.Event()
    notes.watch()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    session = polymarket_session(
        FileStore(database),
        Settings(database, clob_url, ws_url),
        code_version="benchmark",
        run_id="",
    )
    session.run(stop)
    notes.write(file)


if __name__ == "__main__":
    main()
