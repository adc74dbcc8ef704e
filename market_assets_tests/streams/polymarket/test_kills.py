"""kill -9 of the stream at random moments, while the venue goes on changing its books."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from market_assets.clock import to_ms
from market_assets.storage.files.store import FileStore
from market_assets_tests.sources.polymarket.order_book.exchange import NO, YES, Exchange
from market_assets_tests.streams.polymarket.channel import Channel
from market_assets_tests.streams.polymarket.stored import HEADS, OPEN_GAPS, is_the_venues, track
from market_assets_tests.waiting import until

HALVES = """
select count(*) as n
from polymarket_books as heads
full join (
    select token_id, count(*) as levels, min(book_hash) as low, max(book_hash) as high
    from polymarket_orderbook_levels group by token_id
) as sides using (token_id)
where heads.levels is distinct from sides.levels
   or heads.book_hash is distinct from sides.low
   or heads.book_hash is distinct from sides.high
"""


@contextmanager
def trading(channel: Channel, seed: int) -> Iterator[None]:
    """The venue changes its books all the time while the block runs."""
    over = threading.Event()
    moves = random.Random(seed)

    def trade() -> None:
        while not over.wait(0.01):
            price = moves.randrange(10, 40)
            side = moves.choice(("BUY", "SELL"))
            at = f"0.{price}" if side == "BUY" else f"0.{price + 40}"
            size = moves.choice(("0", "1", "2.5", "100"))
            channel.send(channel.exchange.batch((side, at.rstrip("0"), size)))

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


@contextmanager
def streaming(database: Path, channel: Channel) -> Iterator[subprocess.Popen[str]]:
    """A session in a process of its own; killed when the block is left."""
    command = [sys.executable, "-m", "market_assets_tests.streams.polymarket.process"]
    process = subprocess.Popen(
        [*command, str(database), channel.clob_url, channel.ws_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "streaming\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_again_and_again(folder: Path, times: int, seed: int) -> None:
    """Kill at random moments; at the end the books are the venue's, and no half book ever was."""
    database = folder / "market.duckdb"
    store = FileStore(database)
    track(store, [YES, NO])
    moments = random.Random(seed)
    exchange = Exchange(trade="0.41", at_ms=to_ms(datetime.now(UTC)))
    with Channel(exchange) as channel:
        for number in range(times):
            with trading(channel, number), streaming(database, channel):
                if number % 2 == 0:
                    until(lambda: not store.read(HEADS).is_empty(), "a book")
                threading.Event().wait(moments.uniform(0.0, 1.0))
            assert store.read(HALVES)["n"].item() == 0
        with streaming(database, channel):
            until(lambda: is_the_venues(store, channel.exchange), "the venue's books", 30)
            assert store.read(HALVES)["n"].item() == 0
        with streaming(database, channel):
            until(lambda: store.read(OPEN_GAPS).is_empty(), "gaps that are closed")


def test_killed_at_random_moments(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, times=3, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_killed_fifty_times(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, times=50, seed=2)
