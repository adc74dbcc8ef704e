"""Polymarket's market channel over as many sockets as its tokens need.

A socket takes 200 tokens: beyond 500 the venue sends changes but never the first books, and says
nothing. Each socket watches the age of its *data*: a frozen feed answers pings for hours. A quiet
group of tokens looks the same, so after a renewal that brought nothing but first books the next one
waits twice as long.

Not here: frames (`market_channel.py`), how a socket is kept alive (`sources/stream.py`), what
becomes of the data (the sink).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from market_assets.sources.feed_stats import FeedStats
from market_assets.sources.polymarket.market_channel import (
    PING,
    decode_frame,
    first_message,
    subscribe,
    unsubscribe,
)
from market_assets.sources.socket_tasks import SocketTasks
from market_assets.sources.stream import Pacer, Stream, StreamPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies
    from market_assets.sources.polymarket.market_channel import MarketEvent
    from market_assets.sources.stream import Ending

_LOG = logging.getLogger(__name__)

_SAMPLE: Final = 200
_SNAPSHOT: Final = "book"
_UNTYPED: Final = "other"
_KNOWN: Final = frozenset(
    {
        "book",
        "price_change",
        "tick_size_change",
        "last_trade_price",
        "best_bid_ask",
        "new_market",
        "market_resolved",
    }
)


class MarketSink(Protocol):
    """Where the feed puts what it hears. Called on the event loop, in order; must be cheap."""

    def event(self, event: MarketEvent) -> None:
        """One object of a frame."""

    def asked(self, tokens: Collection[str]) -> None:
        """These tokens have just been subscribed to: their books are on their way."""

    def lost(self, tokens: Collection[str], since: datetime, cause: str) -> None:
        """Frames of these tokens may be missing from `since` on; cause: reconnect or silence."""


@dataclass(frozen=True, kw_only=True)
class MarketPolicy(StreamPolicy):
    """How the feed behaves; in seconds, where it is a time.

    Attributes:
        tokens_per_connection: what one socket takes.
        data_age: no data on a socket for so long: it is renewed.
        longest_data_age: the most that this grows to while a group stays quiet.
        messages_per_minute: messages sent, over all sockets.
        connections_per_minute: new sockets.
        tokens_per_message: of one subscription message.
    """

    ping_every: float = 10.0
    silence: float = 30.0
    tokens_per_connection: int = 200
    data_age: float = 60.0
    longest_data_age: float = 960.0
    messages_per_minute: int = 600
    connections_per_minute: int = 30
    tokens_per_message: int = 100


@dataclass
class _Tally:
    """What all sockets have seen."""

    by_type: Counter[str] = field(default_factory=Counter)
    last_at: dict[str, float] = field(default_factory=dict)
    undecodable: int = 0
    samples: deque[str] = field(default_factory=lambda: deque(maxlen=5))
    reconnects: Counter[str] = field(default_factory=Counter)


class _Link:
    """One socket: a `StreamHandler`."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self.wanted: dict[str, None] = {}
        self._said: set[str] = set()
        self._again: set[str] = set()
        self._changed = asyncio.Event()
        self._data_at = 0.0
        self._heard_at: datetime | None = None
        self._patience = feed.policy.data_age
        self._had_changes = False
        self.stream = Stream(
            feed.url,
            self,
            policy=feed.policy,
            clock=feed.clock,
            connects=feed.connects,
            messages=feed.messages,
            ping=PING,
            proxies=feed.proxies,
        )

    async def run(self) -> NoReturn:
        """Stay connected until cancelled."""
        await self.stream.run()

    def want(self, tokens: Iterable[str]) -> None:
        """Exactly these from now on."""
        self.wanted = dict.fromkeys(tokens)
        self._changed.set()

    def again(self, tokens: Iterable[str]) -> None:
        """Have the books of these sent anew."""
        self._again |= self._said.intersection(tokens)
        self._changed.set()

    def opened(self) -> None:
        self._data_at = self._feed.clock.monotonic()
        self._heard_at = None
        self._had_changes = False

    async def talk(self, send: Callable[[str], Awaitable[None]]) -> NoReturn:
        first = list(self.wanted)
        self._said = set(first)
        self._again.clear()
        await send(first_message(first))
        self._feed.sink.asked(first)
        while True:
            await self._changed.wait()
            self._changed.clear()
            size = self._feed.policy.tokens_per_message
            gone = [token for token in self._said if token not in self.wanted]
            again = sorted(self._again & self.wanted.keys())
            self._again.clear()
            for part in _parts([*gone, *again], size):
                self._said.difference_update(part)
                await send(unsubscribe(part))
            for part in _parts([t for t in self.wanted if t not in self._said], size):
                self._said.update(part)
                await send(subscribe(part))
                self._feed.sink.asked(part)

    def received(self, raw: bytes) -> None:
        clock, tally = self._feed.clock, self._feed.tally
        now = clock.monotonic()
        frame = decode_frame(raw)
        for piece in frame.unreadable:
            tally.undecodable += 1
            tally.samples.append(piece[: 4 * _SAMPLE].decode("utf-8", "replace")[:_SAMPLE])
        if frame.is_pong:
            tally.by_type["pong"] += 1
        for event in frame.events:
            kind = event.event_type if event.event_type in _KNOWN else _UNTYPED
            tally.by_type[kind] += 1
            tally.last_at[kind] = now
            if event.asset_id in self.wanted or event.price_changes:
                self._data_at = now
                self._had_changes = self._had_changes or kind != _SNAPSHOT
                self._heard_at = clock.now()
            if kind != _UNTYPED:
                self._feed.sink.event(event)

    def overdue(self) -> str | None:
        age = self._feed.clock.monotonic() - self._data_at
        if self.wanted and age > self._patience:
            return f"no data of {len(self.wanted)} tokens for {age:.0f} s"
        return None

    def closed(self, ending: Ending) -> None:
        policy = self._feed.policy
        was_quiet = ending.cause == "silence" and not self._had_changes
        longer = min(2 * self._patience, policy.longest_data_age)
        self._patience = longer if was_quiet else policy.data_age
        said, self._said = self._said, set()
        if ending.cause == "stopped":
            return
        self._feed.tally.reconnects[ending.cause] += 1
        if said and self._heard_at is not None:
            self._feed.sink.lost(said, self._heard_at, ending.cause)


class MarketFeed:
    """The market channel, for any number of tokens."""

    def __init__(
        self,
        url: str,
        sink: MarketSink,
        *,
        clock: Clock,
        policy: MarketPolicy | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Make a feed that wants nothing yet.

        Args:
            url: `wss://ws-subscriptions-clob.polymarket.com/ws/market`, or another like it.
            sink: where data goes.
            clock: for ages and times of receipt.
            policy: watchdogs, limits and delays.
            proxies: which of them leads to the venue; None: it is reached directly.
        """
        self.url = url
        self.sink = sink
        self.clock = clock
        self.policy = policy or MarketPolicy()
        self.proxies = proxies
        self.tally = _Tally()
        self.connects = Pacer(self.policy.connections_per_minute, 60.0, clock)
        self.messages = Pacer(self.policy.messages_per_minute, 60.0, clock)
        self._homes: dict[str, _Link] = {}
        self._links: list[_Link] = []
        self._tasks = SocketTasks()

    def want(self, tokens: Sequence[str]) -> None:
        """Exactly these tokens from now on; sockets that stay are told the difference only.

        On the event loop, or before `run`.
        """
        wanted = dict.fromkeys(tokens)
        self._homes = {token: link for token, link in self._homes.items() if token in wanted}
        loads = Counter(self._homes.values())
        for token in wanted:
            if token in self._homes:
                continue
            room = (one for one in self._links if loads[one] < self.policy.tokens_per_connection)
            link = next(room, None) or self._add_link()
            self._homes[token] = link
            loads[link] += 1
        for link in list(self._links):
            own = [token for token, home in self._homes.items() if home is link]
            if own != list(link.wanted):
                link.want(own)
            if not own:
                self._drop_link(link)

    def again(self, tokens: Iterable[str]) -> None:
        """Have the venue send these books anew: unsubscribe, subscribe."""
        by_link: dict[_Link, list[str]] = {}
        for token in tokens:
            if token in self._homes:
                by_link.setdefault(self._homes[token], []).append(token)
        for link, own in by_link.items():
            link.again(own)

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            Exception: what the sink raised, or `InvalidURI`; nothing that the venue does.
        """
        await self._tasks.run(self._links)

    def stats(self) -> FeedStats:
        """What the feed did, and how it is now. May be called from any thread."""
        tally, now = self.tally, self.clock.monotonic()
        links = list(self._links)
        down = [link for link in links if not link.stream.connected]
        troubles = [one.stream.trouble for one in (down or links) if one.stream.trouble is not None]
        return FeedStats(
            sockets=len(links),
            connected=len(links) - len(down),
            subscribed=sum(len(link.wanted) for link in links if link.stream.connected),
            refused={},
            left_out=(),
            frames=tally.by_type.total() + tally.undecodable,
            frames_by_channel=dict(tally.by_type),
            undecodable=tally.undecodable,
            undecodable_samples=tuple(tally.samples),
            rejected={},
            reconnects=tally.reconnects.total(),
            reconnects_by_cause=dict(tally.reconnects),
            trouble=max(troubles, default=(0.0, ""))[1],
            ages_s={kind: now - at for kind, at in dict(tally.last_at).items()},
        )

    def _add_link(self) -> _Link:
        link = _Link(self)
        self._links.append(link)
        self._tasks.start(link)
        return link

    def _drop_link(self, link: _Link) -> None:
        self._links.remove(link)
        self._tasks.stop(link)


def _parts(tokens: Sequence[str], size: int) -> Iterable[list[str]]:
    return ([*tokens[at : at + size]] for at in range(0, len(tokens), size))
