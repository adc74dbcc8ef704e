"""One socket to Hyperliquid: its subscriptions, its watchdogs, and where its frames go.

Each frame is decoded and handed to the sink at once. Late and duplicated frames are passed on: the
sink knows which of two states of a candle is the newer one. Values that no market can have are
dropped one by one and counted.

Not here: which socket carries what (`feed.py`), how a socket is kept alive (`sources/stream.py`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NoReturn

from market_assets.sources.decoding import UNREADABLE
from market_assets.sources.hyperliquid.ledger import Ledger
from market_assets.sources.hyperliquid.messages import (
    PING,
    AckFrame,
    BrokenCandles,
    CandleFrame,
    ErrorFrame,
    GreetingFrame,
    MidsFrame,
    OtherFrame,
    PongFrame,
    Subscription,
    decode_frame,
)
from market_assets.sources.hyperliquid.sanity import candle_fault
from market_assets.sources.hyperliquid.watch import AgeWatch
from market_assets.sources.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from market_assets.sources.hyperliquid.shared import Shared
    from market_assets.sources.hyperliquid.wire import CandleUpdate
    from market_assets.sources.stream import Ending

_LOG = logging.getLogger(__name__)

_EXCERPT: Final = 200


class Link:
    """A socket: a `StreamHandler` that keeps its subscriptions and feeds the sink."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._sink = shared.sink
        self._clock = shared.clock
        self._tally = shared.tally
        policy = shared.policy
        self.ledger = Ledger(
            shared.brake,
            ack_timeout=policy.ack_timeout,
            limit_pause=policy.limit_pause,
            refused_retry=policy.refused_retry,
        )
        self._candles = AgeWatch(policy.candle_age)
        self._mids: dict[str, AgeWatch] = {}
        self._heard: set[tuple[str, str]] = set()
        """Symbols and intervals of which the ledger has been told since it last changed: nearly
        every frame is one more of a candle that is known to be in force."""
        self._changed = asyncio.Event()
        self._sound_since: datetime | None = None
        self._stream = Stream(
            shared.url,
            self,
            policy=policy,
            clock=shared.clock,
            connects=shared.connects,
            messages=shared.messages,
            ping=PING,
            proxies=shared.proxies,
        )

    @property
    def connected(self) -> bool:
        """A connection stands."""
        return self._stream.connected

    @property
    def trouble(self) -> tuple[float, str] | None:
        """When and why it was last without a connection; None if it never was."""
        return self._stream.trouble

    def want(self, subscriptions: Iterable[Subscription]) -> None:
        """Exactly these from now on; only the difference is sent."""
        self.ledger.want(subscriptions)
        self._heard.clear()
        wanted = set(self.ledger.wanted)
        if not any(subscription.type == "candle" for subscription in wanted):
            self._candles.disarm()
        self._mids = {
            subscription.dex: self._mids.get(subscription.dex)
            or AgeWatch(self._shared.policy.mids_age)
            for subscription in wanted
            if subscription.type == "allMids"
        }
        self._changed.set()

    async def run(self) -> NoReturn:
        """Keep it alive until cancelled."""
        await self._stream.run()

    def opened(self) -> None:
        """A fresh connection: everything is asked for again by `talk`."""
        self._sound_since = None

    async def talk(self, send: Callable[[str], Awaitable[None]]) -> NoReturn:
        """Say what is due, whenever something changes, and look again each tick."""
        while True:
            self._changed.clear()
            for request in self.ledger.due(self._clock.monotonic()):
                self.ledger.sent(request, self._clock.monotonic())
                self._heard.clear()
                await send(request.text)
                if self._changed.is_set() or self._braked(request.method):
                    break
            else:
                try:
                    async with asyncio.timeout(self._shared.policy.tick):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    def received(self, raw: bytes) -> None:
        """Decode a frame and pass it on."""
        now = self._clock.monotonic()
        try:
            frame = decode_frame(raw)
        except UNREADABLE:
            self._tally.undecodable += 1
            self._tally.garbage(raw)
            return
        match frame:
            case CandleFrame() | BrokenCandles():
                self._all_candles(frame, now)
            case MidsFrame():
                self._tally.frame("allMids", now)
                self._all_mids(frame, now)
            case PongFrame():
                self._tally.frame("pong", now)
            case AckFrame():
                self._tally.frame("subscriptionResponse", now)
                if frame.data.method == "subscribe":
                    self._confirm(frame.data.subscription.subscription, now)
            case ErrorFrame():
                self._tally.frame("error", now)
                self._error(frame.data, now)
            case OtherFrame() | GreetingFrame():
                self._tally.frame("other", now)

    def overdue(self) -> str | None:
        """Which channel has been quiet too long."""
        now = self._clock.monotonic()
        age = self._candles.age(now)
        if age is not None:
            return f"no candle for {age:.0f} s"
        for dex, watch in self._mids.items():
            age = watch.age(now)
            if age is not None:
                return f"no mids of dex {dex!r} for {age:.0f} s"
        return None

    def closed(self, ending: Ending) -> None:
        """Say which symbols lost frames, and since when."""
        symbols = [s.coin for s in self.ledger.acked if s.type == "candle"]
        self.ledger.forget()
        self._heard.clear()
        self._candles.disarm()
        for watch in self._mids.values():
            watch.disarm()
        if ending.cause == "stopped":
            return
        self._tally.reconnects[ending.cause] += 1
        if symbols and self._sound_since is not None:
            self._sink.lost(symbols, self._sound_since, ending.cause)

    def _braked(self, method: str) -> bool:
        return method == "subscribe" and self._clock.monotonic() < self._shared.brake.until

    def _all_candles(self, frame: CandleFrame | BrokenCandles, now: float) -> None:
        self._tally.frame("candle", now)
        for name, reason in frame.faults.items():
            self._tally.reject(name, reason)
        for update in frame.updates:
            self._candle(update, now)

    def _candle(self, update: CandleUpdate, now: float) -> None:
        fault = candle_fault(update)
        if fault is not None:
            self._tally.reject(update.symbol, fault)
            return
        known = (update.symbol, update.interval)
        if known not in self._heard:
            self._confirm(Subscription("candle", update.symbol, update.interval), now)
            self._heard.add(known)
        self._candles.heard(now)
        self._sound_since = received_at = self._clock.now()
        self._sink.candle(update, received_at)

    def _all_mids(self, frame: MidsFrame, now: float) -> None:
        for coin, reason in frame.faults.items():
            self._tally.reject(coin, reason)
        self._confirm(Subscription("allMids", dex=frame.dex), now)
        watch = self._mids.get(frame.dex)
        if watch is not None:
            watch.heard(now)
        self._sink.mids(frame.dex, frame.mids, self._clock.now())

    def _confirm(self, subscription: Subscription, now: float) -> None:
        """The subscription is in force: by an acknowledgement, or because its data comes."""
        if not self.ledger.confirmed(subscription, now):
            return
        if subscription.type == "candle":
            self._candles.arm(now)
            at = self._clock.now()
            if self._sound_since is None:
                self._sound_since = at
            self._sink.subscribed([subscription.coin], at)
        elif subscription.dex in self._mids:
            self._mids[subscription.dex].arm(now)

    def _error(self, text: str, now: float) -> None:
        self._heard.clear()
        try:
            in_force = self.ledger.failed(text, now)
        except LookupError:
            self._tally.garbage(text)
            _LOG.warning("the exchange says %s, and it is not clear of what", text[:_EXCERPT])
            return
        if in_force is not None:
            self._confirm(in_force, now)
