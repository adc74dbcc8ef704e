"""The feed over real sockets: who is subscribed where, and what a frozen feed is taken for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from market_assets.clock import SystemClock
from market_assets.sources.polymarket.market_channel import MarketEvent
from market_assets.sources.polymarket.market_feed import MarketFeed, MarketPolicy
from market_assets_tests.sources.polymarket.order_book.exchange import NO, YES, Exchange
from market_assets_tests.streams.polymarket.channel import Channel
from market_assets_tests.waiting import until

QUICK = {"first_delay": 0.02, "tick": 0.05, "connect_timeout": 5.0}


class Sink:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.asked_for: list[str] = []
        self.losses: list[tuple[set[str], str]] = []
        self.fails_on = ""

    def event(self, event: MarketEvent) -> None:
        if self.fails_on and event.event_type == self.fails_on:
            raise RuntimeError("a fault of the program")
        self.events.append(event)

    def asked(self, tokens: Collection[str]) -> None:
        self.asked_for += tokens

    def lost(self, tokens: Collection[str], since: datetime, cause: str) -> None:
        assert since.tzinfo is not None
        self.losses.append((set(tokens), cause))

    def books(self, token: str) -> int:
        return sum(e.event_type == "book" and e.asset_id == token for e in self.events)


class Running:
    """A feed on a thread of its own."""

    def __init__(self, channel: Channel, **policy: float) -> None:
        self.sink = Sink()
        self.error: BaseException | None = None
        chosen = MarketPolicy(**{**QUICK, **policy})  # type: ignore[arg-type]
        self.feed = MarketFeed(channel.ws_url, self.sink, clock=SystemClock(), policy=chosen)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._task = self._loop.create_task(self.feed.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._loop.close()

    def want(self, *tokens: str) -> None:
        self._loop.call_soon_threadsafe(self.feed.want, tokens)

    def again(self, *tokens: str) -> None:
        self._loop.call_soon_threadsafe(self.feed.again, tokens)

    def join(self) -> None:
        self._thread.join(10)

    def end(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()


@pytest.fixture
def channel() -> Iterator[Channel]:
    with Channel(Exchange()) as made:
        yield made


@contextmanager
def running(channel: Channel, **policy: float) -> Iterator[Running]:
    made = Running(channel, **policy)
    try:
        yield made
    finally:
        made.end()


def test_tokens_are_dealt_to_as_many_sockets_as_they_need(channel: Channel) -> None:
    with running(channel, tokens_per_connection=2) as run:
        run.want("1", "2", "3", "4", "5")
        until(lambda: sorted(map(len, channel.subscribed)) == [1, 2, 2], "three sockets")
        assert set().union(*channel.subscribed) == {"1", "2", "3", "4", "5"}
        run.want("1", "2", "3", "6")
        until(lambda: set().union(*channel.subscribed) == {"1", "2", "3", "6"}, "the difference")
        assert len(channel.subscribed) == 2
        run.want()
        until(lambda: channel.subscribed == [], "no socket")


def test_a_socket_that_stays_is_told_the_difference_only(channel: Channel) -> None:
    with running(channel) as run:
        run.want(YES)
        until(lambda: run.sink.books(YES) == 1, "the first book")
        run.want(YES, NO)
        until(lambda: run.sink.books(NO) == 1, "the second book")
        assert run.sink.books(YES) == 1
        assert [json.loads(text).get("assets_ids") for text in channel.heard] == [[YES], [NO]]


def test_a_book_is_sent_anew_on_request(channel: Channel) -> None:
    """The venue answers a second subscription with nothing: it is left first."""
    with running(channel) as run:
        run.want(YES, NO)
        until(lambda: run.sink.books(YES) == 1, "the first book")
        run.again(YES, "nobody's")
        until(lambda: run.sink.books(YES) == 2, "the book again")
        assert run.sink.books(NO) == 1
        assert run.sink.asked_for == [YES, NO, YES]


def test_after_a_cut_all_is_subscribed_to_again(channel: Channel) -> None:
    with running(channel) as run:
        run.want(YES, NO)
        until(lambda: run.sink.books(NO) == 1, "the first books")
        channel.cut()
        until(lambda: run.sink.books(NO) == 2, "the books again")
        assert run.sink.losses == [({YES, NO}, "reconnect")]
        assert run.feed.stats().reconnects_by_cause == {"reconnect": 1}


def test_a_frozen_feed_is_renewed_though_it_answers_pings(channel: Channel) -> None:
    """And a quiet one too, but ever less often."""
    with running(channel, data_age=0.2, ping_every=0.05, longest_data_age=10.0) as run:
        run.want(YES)
        until(lambda: run.sink.books(YES) == 1, "the first book")
        channel.send(channel.exchange.batch(("BUY", "0.3", "1")))
        until(lambda: run.sink.books(YES) >= 3, "two renewals")
        stats = run.feed.stats()
        assert stats.reconnects_by_cause.keys() == {"silence"}
        assert stats.reconnects >= 2
        assert stats.frames_by_channel["pong"] > 2
        assert "no data of 1 tokens for" in stats.trouble
        [link] = run.feed._links
        assert link._patience >= 0.4


def test_data_keep_a_socket(channel: Channel) -> None:
    with running(channel, data_age=5.0) as run:
        run.want(YES)
        until(lambda: run.sink.books(YES) == 1, "the first book")
        for _ in range(12):
            threading.Event().wait(0.5)
            channel.send(channel.exchange.batch(("BUY", "0.3", "1")))
        assert run.feed.stats().reconnects == 0


def test_frames_of_tokens_that_nobody_wants_keep_no_socket(channel: Channel) -> None:
    """News of all markets is sent to everybody."""
    news = '{"event_type":"new_market","id":"1","assets_ids":["9"]}'
    with running(channel, data_age=0.3) as run:
        run.want(YES)
        until(lambda: run.sink.books(YES) == 1, "the first book")

        def renewed() -> bool:
            channel.send([news])
            return run.sink.books(YES) >= 2

        until(renewed, "a renewal")


def test_a_fault_of_the_sink_ends_the_feed(channel: Channel) -> None:
    run = Running(channel)
    run.sink.fails_on = "book"
    run.want(YES)
    run.join()
    assert isinstance(run.error, RuntimeError)
