"""The stream against the simulated venue whose channel misbehaves in every way at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.clock import to_ms
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.session import StreamSession
from market_assets.streams.polymarket import assembly
from market_assets.tables import POLYMARKET_TRACKED_UNIVERSE
from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.streams.polymarket.process import Settings
from market_assets_tests.streams.polymarket.stored import HEADS, LEVELS, OPEN_GAPS, levels_of
from market_assets_tests.waiting import until
from market_simulator.polymarket.size import PolymarketSize

FAULTS: tuple[dict[str, object], ...] = (
    {"name": "lost", "channel": "price_change", "one_in": 17},
    {"name": "duplicate", "channel": "price_change", "one_in": 5},
    {"name": "late", "channel": "price_change", "one_in": 29},
    {"name": "wrong_hash", "one_in": 23},
    {"name": "binary", "one_in": 3},
    {"name": "no_snapshot", "one_in": 7},
    {"name": "untyped", "every": 1.0, "count": 2},
    {"name": "unknown_channel", "every": 1.0, "count": 2},
    {"name": "not_json", "every": 1.0, "count": 2},
    {"name": "drop", "every": 5.0, "count": 1},
)
LATE_MS = 15_000
"""How old the venue's truth may be that is not in the database yet."""
BROKEN = """
select token_id from polymarket_books where best_bid >= best_ask
union all
select coalesce(heads.token_id, sides.token_id)
from polymarket_books as heads
full join (
    select token_id, count(*) as levels, min(book_hash) as low, max(book_hash) as high
    from polymarket_orderbook_levels group by token_id
) as sides using (token_id)
where heads.levels <> 0 and (
    heads.levels is distinct from sides.levels
    or heads.book_hash is distinct from sides.low
    or heads.book_hash is distinct from sides.high
)
"""


@contextmanager
def streaming(store: FileStore, venue: Simulated) -> Iterator[StreamSession]:
    """A session on a thread of its own."""
    settings = Settings(
        store.paths.published,
        venue.environment["POLYMARKET_CLOB_URL"],
        venue.environment["POLYMARKET_WS_URL"],
    )
    session = assembly.polymarket_session(store, settings, code_version="test", run_id="")
    stop = threading.Event()
    thread = threading.Thread(target=lambda: session.run(stop))
    thread.start()
    try:
        yield session
    finally:
        stop.set()
        thread.join(60)


def track(store: FileStore, venue: Simulated, tokens: int) -> list[str]:
    """Follow so many tokens of markets that have books; gives them."""
    rows: list[dict[str, Any]] = []
    found: list[str] = []
    for market in venue.markets():
        pair = [str(token) for token in market["token_ids"]]
        if len(venue.books(*pair)) != len(pair):
            continue
        row = {"condition_id": market["condition_id"], "token_ids": pair, "rank": len(rows) + 1}
        rows.append(row | {"reason": "volume", "selected_at": datetime.now(UTC)})
        found += pair
        if len(found) >= tokens:
            break
    assert len(found) >= tokens, f"only {len(found)} tokens have books"
    store.replace(
        POLYMARKET_TRACKED_UNIVERSE, pl.DataFrame(rows, schema=POLYMARKET_TRACKED_UNIVERSE.schema)
    )
    return found


def differing(store: FileStore, venue: Simulated, tokens: list[str]) -> list[str]:
    """Tokens whose stored book is not what the venue had, is not proved, or is out of date.

    The venue goes on meanwhile: a book is held against the truth of its own instant, and is out of
    date where it is older than the one of some seconds ago.
    """
    before = to_ms(datetime.now(UTC)) - LATE_MS
    then = {book["asset_id"]: int(book["timestamp"]) for book in venue.books(*tokens, at_ms=before)}
    read = store.read_together({"heads": (HEADS, {}), "levels": (LEVELS, {})})
    heads = {row["token_id"]: row for row in read["heads"].iter_rows(named=True)}
    wrong = []
    for token, timestamp in then.items():
        head = heads.get(token)
        if head is None or not head["is_proven"] or to_ms(head["book_at"]) < timestamp:
            wrong.append(token)
            continue
        [book] = venue.books(token, at_ms=to_ms(head["book_at"]))
        stored = levels_of(read["levels"], token)
        if book["hash"] != head["book_hash"] or stored != _levels(book):
            wrong.append(token)
    return wrong


def _levels(book: dict[str, Any]) -> set[tuple[str, float, float]]:
    return {
        (side, float(level["price"]), float(level["size"]))
        for side, name in (("bid", "bids"), ("ask", "asks"))
        for level in book[name]
    }


def misbehave(folder: Path, *, tokens: int, changes: float, seconds: float) -> None:
    """Every fault again and again, for so long; then the books are the venue's again."""
    size = PolymarketSize(events=max(60, tokens // 3), book_changes=changes)
    with simulated(main=1, builder=0, spot=0, process=True, polymarket_size=size) as venue:
        store = FileStore(folder / "market.duckdb")
        followed = track(store, venue, tokens)
        over = threading.Event()
        broken: list[str] = []
        with streaming(store, venue) as session:
            until(lambda: store.read(HEADS).height >= len(followed) * 0.9, "most books")
            for fault in FAULTS:
                venue.control(**fault, venue="polymarket")
            rounds = int(seconds / 0.25)
            for _ in range(rounds):
                broken += store.read(BROKEN)["token_id"].to_list()
                over.wait(0.25)
            venue.clear()
            injected = venue.stream()["injected"]
            until(lambda: differing(store, venue, followed) == [], "every book to be its own", 120)
            counts = session._flow._keeper.counts
            assert broken == []
            assert injected["lost"] > 0
            assert counts.broken["mismatch"] > 0
            there = {book["asset_id"] for book in venue.books(*followed)}  # some markets may end
            assert there.isdisjoint(store.read(OPEN_GAPS)["symbol"])


def test_every_fault_at_once(tmp_path: Path) -> None:
    misbehave(tmp_path, tokens=20, changes=1.0, seconds=5)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_fault_at_once_at_full_size(tmp_path: Path) -> None:
    """400 tokens, some 2,000 frames a second, two minutes."""
    misbehave(tmp_path, tokens=400, changes=6.0, seconds=120)
