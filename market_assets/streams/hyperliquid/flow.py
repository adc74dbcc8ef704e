"""Hyperliquid's stream as a `Flow`: mids of every dex, 1-minute candles of what is most traded.

Puts together the feed, the recorder that it fills, the lists that say what is to be heard, and the
healer of candles. Not here: any of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.channels import channel_of
from market_assets.streams.candles.bars import MINUTE_MS
from market_assets.streams.candles.healing import Healer
from market_assets.streams.core.flow import Coverage, Streamed
from market_assets.streams.core.streaming import first_of
from market_assets.streams.hyperliquid.recorder import Batch, Recorder
from market_assets.streams.hyperliquid.repair import repair
from market_assets.streams.hyperliquid.universe_watch import UniverseWatch
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.feed_stats import FeedStats
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.feed import FeedSink, HyperliquidFeed
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.spool import Spool
    from market_assets.streams.core.flow import Call
    from market_assets.streams.core.venue_clock import VenueClock
    from market_assets.streams.hyperliquid.options import HyperliquidOptions
    from market_assets.streams.hyperliquid.targets import Targets

USERS: Final = ("stream", "backfill")
"""Users of the venue's request budget that a session is."""
TABLES: Final = (HYPERLIQUID_MID_PRICES, HYPERLIQUID_CANDLES)
KEEP_CANDLES_S: Final = 6 * 3600.0
"""How long candles are kept in memory while there is nowhere to put them; then they are holes."""


class HyperliquidFlow:
    """A `Flow`. Made, run once, and done with."""

    def __init__(
        self,
        clock: VenueClock,
        call: Call,
        *,
        options: HyperliquidOptions,
        store: Store,
        spool: Spool,
        client_for: Callable[[str, Clock], HyperliquidClient],
        feed: Callable[[FeedSink, Clock], HyperliquidFeed],
    ) -> None:
        """Nothing is opened before `run`.

        Args:
            clock: the session's.
            call: does something on the thread of this flow.
            options: how to stream.
            store: read for what is missing, and for the registry while the venue does not answer.
            spool: where healed candles and gaps go.
            client_for: makes the client that asks on the account of `stream` or `backfill`.
            feed: makes the feed for a sink and a clock.
        """
        self._clock = clock
        self._options = options
        self._clients = {user: client_for(user, clock) for user in USERS}
        self._healer = Healer(
            store=store,
            spool=spool,
            clients=self._clients,
            clock=clock,
            keep={"1m": options.keep_minutes, "1h": options.keep_hours},
            on_closes=lambda symbol, closes: call(self._recorder.seed, symbol, closes),
            settle_s=options.flush_interval.total_seconds() + 1.0,
            reread_weight=options.reread_weight,
        )
        self._recorder = Recorder(clock, on_holes=self._healer.add)
        self._feed = feed(self._recorder, clock)
        self._universe = UniverseWatch(
            client=self._clients["stream"],
            store=store,
            options=options,
            clock=clock,
            unknown=self._recorder.take_unknown,
            on_targets=self._follow,
        )
        self._room = options.subscriptions
        self._wanted = 0
        self._dexs: tuple[str, ...] = ()
        self._left_out: tuple[str, ...] = ()
        self._streamed = tuple(
            Streamed(table, channel_of(table.name).source, channel_of(table.name).name)
            for table in TABLES
        )

    @property
    def tables(self) -> tuple[Streamed, ...]:
        return self._streamed

    @property
    def healer(self) -> Healer:
        return self._healer

    async def run(self) -> None:
        await first_of(self._feed.run(), self._universe.run())

    def use(self, subscriptions: int) -> None:
        self._room = subscriptions
        if self._universe.targets.assets:
            self._follow(self._universe.targets, None)

    def tick(self) -> None:
        self._recorder.tick()

    def take(self) -> Batch:
        return self._recorder.take()

    def restore(self, batch: Batch, failed: Collection[str]) -> None:
        self._recorder.restore(
            batch,
            mids=HYPERLIQUID_MID_PRICES.name in failed,
            candles=HYPERLIQUID_CANDLES.name in failed,
        )

    def shed(self, now: datetime) -> int:
        return self._recorder.shed(
            mids_before=now - self._options.keep_mids,
            candles_before=self._clock.at(self._clock.monotonic() - KEEP_CANDLES_S),
        )

    def lead(self, *, relieves: bool) -> None:
        if relieves:
            self._healer.scan_all(self._recorder.concluded_ms + MINUTE_MS, afresh=True)

    def set_back(self) -> None:
        self._healer.rewind()
        self._healer.scan_all(self._recorder.concluded_ms + MINUTE_MS)

    def take_set_back(self) -> bool:
        was_ahead, self._recorder.clock_was_ahead = self._recorder.clock_was_ahead, False
        return was_ahead

    def repair(self, store: Store, now: datetime) -> tuple[Written, ...]:
        return repair(store, now)

    def coverage(self) -> Coverage:
        return Coverage(
            wanted=self._wanted,
            heard=self._recorder.covered + len(self._recorder.dexs_heard),
            shared=len(self._dexs),
            settled_ms=self._recorder.concluded_ms,
        )

    def stats(self) -> FeedStats:
        return self._feed.stats()

    @property
    def waiting(self) -> int:
        return self._recorder.waiting

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._left_out

    @property
    def error(self) -> str | None:
        return self._universe.error

    @property
    def figures(self) -> Mapping[str, float]:
        return {"refused_frames": self._recorder.refused_frames}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _follow(self, targets: Targets, cause: str | None) -> None:
        """Make feed, recorder and healer follow the targets; `cause` is that of new holes."""
        candles, self._left_out = targets.within(self._room)
        self._dexs = targets.dexs
        self._wanted = len(candles) + len(self._dexs)
        new = self._recorder.keep(
            mids=targets.symbols, candles=candles, known=targets.known, cause=cause or "fresh"
        )
        self._healer.rank(candles, targets.symbols)
        if new:
            self._healer.scan(new, self._recorder.concluded_ms + MINUTE_MS, cause=cause)
        self._feed.want(dexs=self._dexs, symbols=candles)
