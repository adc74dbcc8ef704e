"""Hyperliquid's stream: mids of every dex and 1-minute candles of many symbols, on few sockets.

Documented at https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket. Limits
per address: 10 connections, 30 new ones a minute, 1000 subscriptions, 2000 messages a minute.

Mids have a socket of their own: when a watchdog renews it, no candle is lost, and the reverse.
Candles are dealt out in order of rank to the socket that has least, so each has some symbols that
trade all the time, which is what the watchdog on their age needs.

Not here: one socket (`link.py`), subscriptions (`ledger.py`), what becomes of the data (the sink).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from market_assets.clock import SystemClock
from market_assets.sources.feed_stats import FeedStats
from market_assets.sources.hyperliquid.ledger import Brake
from market_assets.sources.hyperliquid.link import Link
from market_assets.sources.hyperliquid.messages import Subscription
from market_assets.sources.hyperliquid.shared import FeedPolicy, FeedSink, Shared, Tally
from market_assets.sources.hyperliquid.wire import CandleUpdate
from market_assets.sources.socket_tasks import SocketTasks
from market_assets.sources.stream import Pacer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies

__all__ = ["CandleUpdate", "FeedPolicy", "FeedSink", "HyperliquidFeed"]

INTERVAL: Final = "1m"
_MINUTE_S: Final = 60.0


class HyperliquidFeed:
    """The exchange's stream over a few sockets that are kept alive."""

    def __init__(
        self,
        url: str,
        sink: FeedSink,
        *,
        clock: Clock | None = None,
        max_connections: int = 4,
        policy: FeedPolicy | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Make a feed that wants nothing yet.

        Args:
            url: `wss://api.hyperliquid.xyz/ws`, or another that speaks the same.
            sink: where data goes.
            clock: for the times of receipt, and for ages.
            max_connections: sockets at most; the exchange allows 10 per address.
            policy: watchdogs, limits and delays.
            proxies: which of them leads to the venue; None: it is reached directly.
        """
        if max_connections < 1:
            raise ValueError(f"max_connections is {max_connections}; at least 1")
        clock = clock or SystemClock()
        policy = policy or FeedPolicy()
        self._clock = clock
        self._policy = policy
        self._max_connections = max_connections
        self._tally = Tally()
        self._shared = Shared(
            url=url,
            proxies=proxies,
            sink=sink,
            clock=clock,
            policy=policy,
            tally=self._tally,
            brake=Brake(),
            connects=Pacer(policy.connections_per_minute, _MINUTE_S, clock),
            messages=Pacer(policy.messages_per_minute, _MINUTE_S, clock),
        )
        self._homes: dict[Subscription, Link] = {}
        self._links: list[Link] = []
        self._mids_link: Link | None = None
        self._left_out: tuple[str, ...] = ()
        self._tasks = SocketTasks()
        self._loop: asyncio.AbstractEventLoop | None = None

    def want(self, *, dexs: Sequence[str], symbols: Sequence[str]) -> None:
        """Exactly the mids of these dexs and the candles of these symbols from now on.

        May be called at any time and from any thread. Only the difference is sent; sockets that
        stay are not disturbed. Symbols are in order of rank: beyond the limit the last are left
        out (see `FeedStats.left_out`).
        """
        mids = [Subscription("allMids", dex=dex) for dex in dict.fromkeys(dexs)]
        room = max(0, self._policy.subscriptions - len(mids))
        ranked = list(dict.fromkeys(symbols))
        candles = [Subscription("candle", symbol, INTERVAL) for symbol in ranked[:room]]
        left_out = tuple(ranked[room:])
        if self._loop is None:
            self._apply(mids, candles, left_out)
        else:
            self._loop.call_soon_threadsafe(self._apply, mids, candles, left_out)

    async def run(self) -> None:
        """Stream until cancelled.

        Raises:
            Exception: what the sink raised, or `InvalidURI`; nothing that the venue does.
        """
        if self._loop is not None:
            raise RuntimeError("this feed is running already")
        self._loop = asyncio.get_running_loop()
        try:
            await self._tasks.run(self._links)
        finally:
            self._loop = None

    def stats(self) -> FeedStats:
        """What the feed did, and how it is now. May be called from any thread."""
        tally, now = self._tally, self._clock.monotonic()
        refused = {
            subscription.coin or f"mids of {subscription.dex!r}": text
            for link in self._links
            for subscription, text in link.ledger.refused.items()
        }
        links = list(self._links)
        down = [link for link in links if not link.connected]
        troubles = [link.trouble for link in down if link.trouble is not None] or [
            link.trouble for link in links if link.trouble is not None
        ]
        held = [s.coin for link in self._links for s in link.ledger.held(now) if s.coin]
        return FeedStats(
            sockets=len(links),
            connected=len(links) - len(down),
            subscribed=sum(len(link.ledger.acked) for link in self._links),
            refused=refused,
            left_out=(*held, *self._left_out),
            frames=tally.by_channel.total() + tally.undecodable,
            frames_by_channel=dict(tally.by_channel),
            undecodable=tally.undecodable,
            undecodable_samples=tuple(tally.samples),
            rejected=dict(tally.rejected),
            reconnects=tally.reconnects.total(),
            reconnects_by_cause=dict(tally.reconnects),
            trouble=max(troubles, default=(0.0, ""))[1],
            ages_s={channel: now - at for channel, at in tally.last_at.items()},
        )

    def _apply(
        self, mids: list[Subscription], candles: list[Subscription], left_out: tuple[str, ...]
    ) -> None:
        self._left_out = left_out
        wanted = [*mids, *candles]
        homes = {s: self._homes[s] for s in wanted if s in self._homes}
        if mids and self._mids_link is None:
            is_full = len(self._links) >= self._max_connections
            self._mids_link = self._links[0] if is_full else self._add_link()
        for subscription in mids:
            if self._mids_link is not None:
                homes.setdefault(subscription, self._mids_link)
        loads = dict.fromkeys(self._candle_links(len(candles)) if candles else (), 0)
        for link in homes.values():
            if link in loads:
                loads[link] += 1
        for subscription in candles:
            if subscription not in homes:
                emptiest = min(loads, key=loads.__getitem__)
                homes[subscription] = emptiest
                loads[emptiest] += 1
        self._homes = homes
        for link in list(self._links):
            own = [s for s in wanted if homes[s] is link]
            link.want(own)
            if not own:
                self._drop_link(link)

    def _candle_links(self, candles: int) -> list[Link]:
        """The sockets that candles are dealt to, as many as their number asks for."""
        links = [link for link in self._links if link is not self._mids_link]
        most = self._max_connections - (self._mids_link is not None)
        if most <= 0:
            return list(self._links)
        asked = -(-candles // self._policy.symbols_per_connection)
        while len(links) < min(asked, most):
            links.append(self._add_link())
        return links

    def _add_link(self) -> Link:
        link = Link(self._shared)
        self._links.append(link)
        self._tasks.start(link)
        return link

    def _drop_link(self, link: Link) -> None:
        self._links.remove(link)
        if link is self._mids_link:
            self._mids_link = None
        self._tasks.stop(link)
