"""The whole stream over real sockets into a real database: books that stand, and that do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.clock import to_ms
from market_assets.machine_paths import machine_paths
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.lease import Lease
from market_assets.streams.core.options import SessionEnd
from market_assets.streams.polymarket import (
    assembly,
    book_needs,
    grid_tops,
    rest_reads,
    token_watch,
)
from market_assets.streams.polymarket.books_batch import BookGap, gap_rows
from market_assets.tables import INGESTION_GAPS
from market_assets_tests.sources.polymarket.order_book.exchange import MARKET, NO, YES, Exchange
from market_assets_tests.streams.polymarket.channel import Channel
from market_assets_tests.streams.polymarket.process import Settings
from market_assets_tests.streams.polymarket.stored import (
    GAPS,
    HEADS,
    LEVELS,
    OPEN_GAPS,
    is_the_venues,
    track,
)
from market_assets_tests.waiting import until

TOPS = "select * from polymarket_book_tops order by observed_at, token_id"
EARLIER = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)


class Running:
    """A session on a thread of its own."""

    def __init__(self, folder: Path, channel: Channel) -> None:
        self.store = FileStore(folder / "market.duckdb")
        self.channel = channel
        self.stop = threading.Event()
        self.end: SessionEnd | None = None
        self.reports: list[Any] = []
        session = assembly.polymarket_session(
            self.store,
            Settings(folder / "market.duckdb", channel.clob_url, channel.ws_url),
            code_version="test",
            run_id="",
            report_interval=timedelta(0),
        )

        def run() -> None:
            self.end = session.run(self.stop, report=self.reports.append)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def finish(self) -> SessionEnd:
        self.stop.set()
        self._thread.join(30)
        assert self.end is not None
        return self.end

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def read(self, sql: str) -> pl.DataFrame:
        return self.store.read(sql)

    def is_the_venues(self) -> bool:
        """Both books stand in the database as the venue has them, and are proved."""
        return is_the_venues(self.store, self.channel.exchange)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for minutes waits for fractions of a second."""
    monkeypatch.setattr(token_watch, "EVERY_S", 0.2)
    monkeypatch.setattr(assembly, "FLUSH", timedelta(seconds=0.2))
    monkeypatch.setattr(rest_reads, "RETRY_S", 0.2)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book that has not come after a second is asked for again."""
    monkeypatch.setattr(book_needs, "FIRST_BOOK_S", 1.0)


@pytest.fixture
def channel() -> Iterator[Channel]:
    with Channel(Exchange(trade="0.41", at_ms=to_ms(datetime.now(UTC)))) as made:
        yield made


@contextmanager
def running(folder: Path, channel: Channel) -> Iterator[Running]:
    track(FileStore(folder / "market.duckdb"), [YES, NO])
    made = Running(folder, channel)
    try:
        yield made
    finally:
        made.stop.set()
        made.finish()


def test_books_stand_in_the_database_as_the_venue_has_them(
    tmp_path: Path, channel: Channel
) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.send(channel.exchange.batch(("BUY", "0.41", "3"), ("BUY", "0.39", "0")))
        until(stream.is_the_venues, "the changed books")
        [yes, no] = stream.read(HEADS).iter_rows(named=True)
        end = stream.finish()
    assert (yes["best_bid"], yes["best_ask"], yes["spread"], yes["mid"]) == (
        0.41,
        0.42,
        0.01,
        0.415,
    )
    assert (no["best_bid"], no["best_ask"]) == (0.58, 0.59)
    assert (yes["source"], yes["tick_size"], yes["last_trade_price"]) == ("stream", 0.01, 0.41)
    assert (yes["neg_risk"], yes["neg_risk_source"]) == (False, "clob")
    assert yes["book_hash"] == channel.exchange.hash(YES)
    assert yes["bid_depth_5c_usd"] == float(Decimal("0.41") * 3 + Decimal("0.4") * 10)
    assert yes["ask_depth_5c_usd"] == float(Decimal("0.42") * 7)
    assert end.is_drained
    assert {report.table for report in stream.reports} >= {
        "polymarket_books",
        "polymarket_orderbook_levels",
    }
    assert stream.reports[-1].metrics["proven_share"] == 1.0


def test_a_lost_frame_is_noticed_and_the_book_is_had_again(
    tmp_path: Path, channel: Channel
) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.send(channel.exchange.batch(("BUY", "0.41", "3"), ("BUY", "0.3", "4"))[:1])
        until(stream.is_the_venues, "a new snapshot")
        gaps = until(lambda: _healed(stream), "healed gaps")
    assert {row["cause"] for row in gaps} == {"mismatch"}
    assert {row["symbol"] for row in gaps} == {YES, NO}
    assert any('"unsubscribe"' in text for text in channel.heard)


def _healed(stream: Running) -> list[dict[str, Any]]:
    rows = list(stream.read(GAPS).iter_rows(named=True))
    return rows if rows and all(row["healed_at"] for row in rows) else []


@pytest.mark.usefixtures("impatient")
def test_while_a_book_is_not_to_be_believed_it_says_so(tmp_path: Path, channel: Channel) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.is_mute = True
        channel.rest_is_down = True
        channel.send(channel.exchange.batch(("BUY", "0.41", "3"), ("BUY", "0.3", "4"))[:1])
        told = until(lambda: _proven(stream) == [False, False], "books that are told not to stand")
        assert told
        channel.is_mute = False
        until(stream.is_the_venues, "a new snapshot")


def _proven(stream: Running) -> list[bool | None]:
    return stream.read(HEADS)["is_proven"].to_list()


def test_after_a_reconnect_the_books_are_had_again(tmp_path: Path, channel: Channel) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.cut()
        channel.exchange.batch(("BUY", "0.41", "3"))
        until(stream.is_the_venues, "the books after the cut")
        gaps = until(lambda: _healed(stream), "healed gaps")
    assert {row["cause"] for row in gaps} == {"reconnect"}


@pytest.mark.usefixtures("impatient")
def test_a_first_book_that_never_comes_is_asked_for_again(tmp_path: Path, channel: Channel) -> None:
    channel.is_mute = channel.rest_is_down = True
    with running(tmp_path, channel) as stream:
        until(lambda: any('"unsubscribe"' in text for text in channel.heard), "a second try")
        channel.is_mute = channel.rest_is_down = False
        until(stream.is_the_venues, "the first books")
        gaps = until(lambda: _healed(stream), "healed gaps")
    assert {row["cause"] for row in gaps} == {"no snapshot"}


def test_what_is_no_more_followed_goes_and_what_is_new_comes(
    tmp_path: Path, channel: Channel
) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        track(stream.store, [YES])
        until(lambda: stream.read(HEADS)["token_id"].to_list() == [YES], "one book")
        assert set(stream.read(LEVELS)["token_id"]) == {YES}
        until(lambda: channel.subscribed == [{YES}], "one subscription")
        track(stream.store, [YES, NO])
        until(stream.is_the_venues, "both books")


def test_books_of_before_that_nobody_follows_go(tmp_path: Path, channel: Channel) -> None:
    """Of a session that ended before the universe changed."""
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
    store = FileStore(tmp_path / "market.duckdb")
    track(store, [NO])
    after = Running(tmp_path, channel)
    until(lambda: after.read(HEADS)["token_id"].to_list() == [NO], "one book")
    assert set(after.read(LEVELS)["token_id"]) == {NO}
    after.finish()


def test_frames_of_all_kinds_disturb_nothing(tmp_path: Path, channel: Channel) -> None:
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.send(
            [
                b'{"event_type":"brand_new","asset_id":"' + YES.encode() + b'"}',
                '{"metadataGameId":"id1"}',
                "not json",
                '{"event_type":"new_market","id":"5","assets_ids":["9"]}',
                '{"event_type":"best_bid_ask","asset_id":"' + YES + '","best_bid":"0"}',
            ]
        )
        channel.send(channel.exchange.batch(("SELL", "0.6", "2")))
        until(stream.is_the_venues, "the changed books")
        end = stream.finish()
    assert end.frames["other"] == 2
    assert stream.reports[-1].metrics["undecodable"] == 1


@pytest.mark.usefixtures("impatient")
def test_a_tick_size_that_changes_leaves_no_book_until_the_next_snapshot(
    tmp_path: Path, channel: Channel
) -> None:
    exchange = channel.exchange
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        channel.is_mute = channel.rest_is_down = True
        exchange.facts = exchange.facts._replace(tick_size="0.001")
        exchange.at_ms += 5
        channel.send(
            [
                {
                    "market": MARKET,
                    "asset_id": token,
                    "old_tick_size": "0.01",
                    "new_tick_size": "0.001",
                    "timestamp": str(exchange.at_ms),
                    "event_type": "tick_size_change",
                }
                for token in (YES, NO)
            ]
        )
        until(lambda: stream.read(HEADS).is_empty(), "no book")
        assert stream.read(LEVELS).is_empty()
        channel.is_mute = channel.rest_is_down = False
        until(stream.is_the_venues, "the books on the new tick")
        assert stream.read(HEADS)["tick_size"].to_list() == [0.001, 0.001]


def test_gaps_that_a_killed_session_left_open_are_closed(tmp_path: Path, channel: Channel) -> None:
    """Its successor has the books, and closes the record."""
    store = FileStore(tmp_path / "market.duckdb")
    left = BookGap(YES, EARLIER, EARLIER, "mismatch", EARLIER, None)
    other = BookGap("77", EARLIER, EARLIER, "mismatch", EARLIER, None)
    store.merge(INGESTION_GAPS, gap_rows([left, other]))
    with running(tmp_path, channel) as stream:
        until(stream.is_the_venues, "the first books")
        until(lambda: stream.read(OPEN_GAPS)["symbol"].to_list() == ["77"], "its gap is closed")
        [closed] = stream.read(GAPS).filter(pl.col("symbol") == YES).iter_rows(named=True)
    assert (closed["gap_from_at"], closed["detected_at"]) == (EARLIER, EARLIER)
    assert closed["gap_to_at"] > EARLIER


def test_a_handover_leaves_the_books_the_venues(
    tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The successor hears them beside the leader, and writes them once it leads."""
    monkeypatch.setattr(grid_tops, "GRID", timedelta(seconds=1))
    lease = Lease(machine_paths(tmp_path / "market.duckdb").stream("polymarket").folder)
    with running(tmp_path, channel) as first:
        until(first.is_the_venues, "the first books")
        assert lease.request_handover("the code has changed")
        until(lambda: lease.peek().state == "handing_over", "a leader that wants to be relieved")
        second = Running(tmp_path, channel)
        try:
            until(lambda: not first.is_alive, "the end of the leader")
            channel.send(channel.exchange.batch(("BUY", "0.41", "3"), ("BUY", "0.39", "0")))
            until(second.is_the_venues, "the changed books")
            assert first.finish().reason == "handed_over"
            assert second.is_alive
            assert second.read(GAPS).is_empty()
        finally:
            end = second.finish()
    assert end.is_drained


def test_tops_stand_on_the_grid(
    tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row per token and instant, of the book as it stood then."""
    monkeypatch.setattr(grid_tops, "GRID", timedelta(seconds=1))
    with running(tmp_path, channel) as stream:
        until(lambda: stream.read(TOPS).height >= 4, "two instants of two tokens")
        found = stream.read(TOPS)
    instants = found["observed_at"].unique().sort()
    assert all(at.microsecond == 0 for at in instants)
    assert found.group_by("observed_at").len()["len"].to_list() == [2] * len(instants)
    yes = found.filter(pl.col("token_id") == YES).row(0, named=True)
    assert (yes["best_bid"], yes["best_ask"], yes["is_proven"]) == (0.4, 0.42, True)
