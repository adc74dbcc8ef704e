"""The two ways to look for markets that `search.py` compares, each in a process of its own.

    python -m benchmarks.search_ways {index,list} FOLDER

The folder has the published file, and the two that follow it. What was measured is printed as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from market_assets.api import app, searches  # app: what the process has anyhow
from market_assets.api.market_index.keeper import IndexKeeper
from market_assets.api.searches import search_markets
from market_assets.api.view import View, lying_at
from market_assets.clock import SystemClock
from market_assets.storage.files.published import Published, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from market_assets.api.market_index.index import Index

PUBLISHED = "market.duckdb"
FOLLOWING = {10: "ten.duckdb", 10_000: "many.duckdb"}
"""By how many rows changed."""
LIMIT = 20
A_KIND = 60
"""Searches of each kind, no two alike, in each of two rounds."""
_IS_LOADED = app.READERS


class Way(Protocol):
    """A way to search."""

    def search(self, q: str) -> int:
        """Search, and give how many were found."""

    def make(self) -> None:
        """Make what searches are answered from, for the file that is there."""

    def close(self) -> None:
        """End."""


class ByIndex:
    """As it is."""

    def __init__(self, published: Published) -> None:
        self._published, self._clock = published, SystemClock()
        self._keeper = IndexKeeper(published, clock=self._clock)

    def search(self, q: str) -> int:
        with self._published.snapshot() as snapshot:
            return self._search(q, snapshot, self._keeper.of(snapshot))

    def search_without(self, q: str) -> int:
        """As it is before there is an index."""
        with self._published.snapshot() as snapshot:
            return self._search(q, snapshot, None)

    def _search(self, q: str, snapshot: Snapshot, index: Index | None) -> int:
        view = View(snapshot, self._clock.now(), index)
        count: int = search_markets(view, {"q": q, "limit": LIMIT})["count"]
        return count

    def make(self) -> None:
        while True:
            with self._published.snapshot() as snapshot:
                index = self._keeper.of(snapshot)
                if index is not None and index.version == snapshot.version:
                    return
            time.sleep(0.01)

    def close(self) -> None:
        self._keeper.close()


class ByList:
    """As it was before: all texts in a list, in the order of answers, and all links in a dict."""

    def __init__(self, published: Published) -> None:
        self._published = published

    def search(self, q: str) -> int:
        with self._published.snapshot() as snapshot:
            names = snapshot.remember("market names", self._names)
            words = q.lower().split()
            longest, found = max(words, key=len), []
            for place, text in names:
                if longest in text and all(word in text for word in words):
                    found.append(place)
                    if len(found) == LIMIT:
                        break
            rows = snapshot.rows(
                "select rowid as place, * from polymarket_markets "
                "where list_contains($places, rowid)",
                {"places": found},
            )
            symbols = snapshot.remember("symbols", self._symbols) if rows else {}
            return len([symbols.get(row["condition_id"], []) for row in rows])

    def make(self) -> None:
        with self._published.snapshot() as snapshot:
            snapshot.remember("market names", self._names)
            snapshot.remember("symbols", self._symbols)

    def close(self) -> None:
        pass

    def _names(self, snapshot: Snapshot) -> list[tuple[int, str]]:
        rows = snapshot.rows(
            "select rowid as place, lower(concat_ws(' ', question, slug)) as words "
            "from polymarket_markets order by closed is true or is_listed is false, "
            "volume_24h_usd desc nulls last, volume_usd desc nulls last, condition_id"
        )
        return [(row["place"], row["words"]) for row in rows]

    def _symbols(self, snapshot: Snapshot) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in snapshot.rows(
            "select condition_id, symbol from polymarket_market_asset_links "
            "order by confidence desc, symbol"
        ):
            found.setdefault(row["condition_id"], []).append(row["symbol"])
        return found


def questions(snapshot: Snapshot) -> dict[str, list[str]]:
    """What is searched for, by kind, from the texts that there are."""
    random.seed(7)
    (row,) = snapshot.rows("select max(rowid) as last from polymarket_markets")
    places = random.sample(range(row["last"]), 20 * A_KIND)
    texts = snapshot.rows(f"select question, slug from polymarket_markets where {lying_at(places)}")
    random.shuffle(texts)
    words = [one["question"].rstrip("?").split() for one in texts]
    spoken = [[word.strip('"') for word in one] for one in words if one[-1] == "briefing"]
    minutes = [one["slug"].split("-")[-1] for one in texts if "-updown-5m-" in one["slug"]]
    subjects = ("bitcoin", "ethereum", "solana", "xrp", "dogecoin", "bnb", "hyperliquid", "london")
    more = ("above", "up or down", "on", "et", "price", "will", "points", "win", "spread", "e")
    plain = [[word for word in one if word.isalnum()] for one in words]
    kinds = {
        "typical": [f"{one} {other}" for one in subjects for other in ("", *more)],
        "names that one market has": [f"{one[1]} {one[3]}" for one in spoken],
        "a number that 20 of one hour have": minutes,
        "a name that 70 of three months have": [one[1] for one in spoken],
        "nothing has it": [f"{one[1]}x{number}" for number, one in enumerate(spoken)],
        "one letter": list("abcdefghijklmnopqrstuvwxyz0123456789?-$°"),
        "three words of a title": [" ".join(random.sample(one, 3)) for one in plain if one[2:]],
        "four with their marks": [" ".join(random.sample(one, 4)) for one in words if one[3:]],
        "the beginning of a slug": [one["slug"][: random.randrange(6, 20)] for one in texts],
    }
    return {kind: asked[:A_KIND] for kind, asked in kinds.items()}


def measured(way: Way, published: Published, folder: Path) -> dict[str, Any]:
    """Everything, in the order in which a server meets it."""
    with published.snapshot() as snapshot:
        snapshot.rows("select $it as it", {"it": [1]})
        asked = questions(snapshot)
    idle = _others(published, lambda: time.sleep(3))
    figures: dict[str, Any] = {**_made(way, published), "idle_p99_ms": idle}
    figures["kinds"] = {kind: _searches(way, some) for kind, some in asked.items()}
    if isinstance(way, ByIndex):
        walls = [_timed(lambda: way.search_without("bitcoin above")) for _ in range(5)]
        figures["first_ms"] = float(np.median(walls))
    figures["following"] = {}
    for changed, file in FOLLOWING.items():
        (folder / file).replace(folder / PUBLISHED)
        figures["following"][changed] = _made(way, published, first="bitcoin above")
    return figures


def _made(way: Way, published: Published, first: str = "") -> dict[str, float]:
    """What it takes to make what searches are answered from, perhaps after a search."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak counts from here
    before = _memory("VmRSS")
    opened_ms = _timed(lambda: _open(published))
    spent = time.thread_time()
    first_ms = _timed(lambda: way.search(first)) if first else 0.0
    first_cpu_ms = (time.thread_time() - spent) * 1e3
    started, spent = time.perf_counter(), time.process_time()
    others = _others(published, way.make)
    return {
        "opened_ms": opened_ms,
        "first_ms": first_ms,
        "first_cpu_ms": first_cpu_ms,
        "made_s": time.perf_counter() - started,
        "made_cpu_s": time.process_time() - spent,
        "peak_mb": _memory("VmHWM") - before,
        "resident_mb": _memory("VmRSS") - before,
        "others_p99_ms": others,
    }


def _open(published: Published) -> None:
    """What the first answer of any kind does after a publication."""
    with published.snapshot():
        pass


def _searches(way: Way, asked: Sequence[str]) -> dict[str, float]:
    """Milliseconds of each search, in two rounds; the first one reads what is on disk."""
    walls, spent, found = [], [], []
    for _ in range(2):
        for q in asked:
            cpu = time.thread_time()
            found.append(0)
            walls.append(_timed(lambda q=q: found.__setitem__(-1, way.search(q))))
            spent.append((time.thread_time() - cpu) * 1e3)
    return {
        "searches": len(walls),
        "found": float(np.median(found)),
        "p50_ms": float(np.percentile(walls, 50)),
        "p99_ms": float(np.percentile(walls, 99)),
        "cpu_p50_ms": float(np.percentile(spent, 50)),
        "cpu_p99_ms": float(np.percentile(spent, 99)),
    }


def _others(published: Published, work: Callable[[], object]) -> float:
    """The slowest hundredth of small answers that are made during the work, in milliseconds."""
    done, walls = threading.Event(), []

    def ask() -> None:
        while not done.wait(0.005):
            started = time.perf_counter()
            with published.snapshot() as snapshot:
                snapshot.rows("select condition_id from polymarket_markets limit 1")
            walls.append((time.perf_counter() - started) * 1e3)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return float(np.percentile(walls or [0.0], 99))


def _timed(action: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1e3


def _memory(name: str) -> float:
    """MB, by the name that Linux gives them."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def main() -> None:
    """Measure one way in the folder."""
    folder = Path(sys.argv[2])
    # Each search is as if it were the first one after a publication.
    searches._MOST_ROWS = 0  # noqa: SLF001
    published = Published(folder / PUBLISHED)
    ways: Mapping[str, Callable[[Published], Way]] = {"index": ByIndex, "list": ByList}
    way = ways[sys.argv[1]](published)
    try:
        print(json.dumps(measured(way, published, folder)))
    finally:
        way.close()
        published.close()


if __name__ == "__main__":
    main()
