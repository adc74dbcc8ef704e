"""The stream: at each beat, the frames that are due, to everybody who subscribed to them.

Candles, trades and best quotes go out as blocks happen, states (mids, books, contexts) at their
own cadence on the venue's clock. A beat is 50 ms of wall time; what happens to one coin within a
beat is one frame with the newest state, as blocks batch it at the exchange.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from market_simulator.hyperliquid.bars import INTERVALS, MINUTE_MS, Bar
from market_simulator.hyperliquid.live import Live, Step
from market_simulator.hyperliquid.subscriptions import Subscription

if TYPE_CHECKING:
    from market_simulator.hyperliquid.connections import Client
    from market_simulator.hyperliquid.market import Market
    from market_simulator.hyperliquid.numbers import Scale
    from market_simulator.venue_clock import VenueClock

BEAT_S: Final = 0.05
REPLAYED_TRADES: Final = 30
"""Trades that the first frame of a trades subscription repeats, with no mark that they are old."""

_PERIOD_MS: Final = {
    "allMids": 5_000,
    "l2Book": 5_000,
    "fast l2Book": 500,
    "bbo": 500,
    "activeAssetCtx": 1_000,
    "allDexsAssetCtxs": 3_000,
}
_LOST_MS: Final = 15 * MINUTE_MS
"""A pause (a suspended machine) after which the stream goes on from the present."""
_BY_BLOCK: Final = ("candle", "trades", "bbo")


class Feed:
    """Who is subscribed to what, and the loop that sends it."""

    def __init__(self, market: Market, clock: VenueClock) -> None:
        self._market = market
        self._clock = clock
        self._topics: dict[Subscription, set[Client]] = {}
        self._live = Live(market, clock.now_ms())
        self._last_ms = clock.now_ms()
        self._quotes: dict[str, str] = {}

    def counts(self) -> dict[str, int]:
        """Subscriptions by type."""
        counts: dict[str, int] = {}
        for topic, members in self._topics.items():
            counts[topic.type] = counts.get(topic.type, 0) + len(members)
        return counts

    def join(self, topic: Subscription, connection: Client) -> None:
        """Add a subscriber and send what the venue sends at once: states, and old trades."""
        members = self._topics.setdefault(topic, set())
        now_ms = self._clock.now_ms()
        if not members and topic.type in _BY_BLOCK:
            self._live.watch(topic.coin, topic.interval, now_ms)
        members.add(connection)
        if topic.type == "trades":
            told_ms = self._live.told_until(topic.coin)  # the next step begins right after it
            rows = self._market.recent_trades(topic.coin, told_ms, REPLAYED_TRADES)
            if rows:
                connection.data("trades", topic.coin, _frame("trades", rows))
        elif topic.type != "candle":
            for coin, channel, text in self._states([topic], now_ms):
                connection.data(channel, coin, text)

    def leave(self, topic: Subscription, connection: Client) -> None:
        """Remove a subscriber."""
        members = self._topics[topic]
        members.discard(connection)
        if not members:
            del self._topics[topic]
            if topic.type in _BY_BLOCK:
                self._live.unwatch(topic.coin, topic.interval)
            if topic.type == "bbo":
                self._quotes.pop(topic.coin, None)

    def reload(self) -> None:
        """A listing changed, or the clock was set."""
        self._last_ms = self._clock.now_ms()
        self._live.reload(self._last_ms)

    async def run(self) -> None:
        """Send frames until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_S)

    def beat(self) -> None:
        """Send what is due now."""
        now_ms = self._clock.now_ms()
        last_ms, self._last_ms = self._last_ms, now_ms
        if now_ms - last_ms > _LOST_MS:
            self._live.reload(now_ms)
        for step in self._live.due(now_ms):
            self._send_step(step)
        due = [
            topic
            for topic in self._topics
            if (period := _period(topic)) and now_ms // period != last_ms // period
        ]
        for kind in {topic.type for topic in due}:
            topics = [topic for topic in due if topic.type == kind]
            self._send_states(topics, now_ms)
        self._live.prepare(1 + len(self._topics) // 200)

    def _send_step(self, step: Step) -> None:
        scale = self._market.scale(step.coin)
        for interval, (first, bar) in step.bars.items():
            topic = Subscription("candle", step.coin, interval)
            members = self._topics.get(topic)
            if members:
                text = candle_frame(step.coin, interval, first, bar, scale)
                for connection in members:
                    connection.data("candle", step.coin, text)
        members = self._topics.get(Subscription("trades", step.coin))
        if members:
            rows = self._market.trades(step.coin, step.after_ms, step.until_ms)
            if rows:
                text = _frame("trades", rows)
                for connection in members:
                    connection.data("trades", step.coin, text)
        if Subscription("bbo", step.coin) in self._topics:
            self._send_states([Subscription("bbo", step.coin)], step.until_ms)

    def _send_states(self, topics: list[Subscription], now_ms: int) -> None:
        by_key = {(topic.type, topic.coin): topic for topic in topics}
        if topics[0].type in ("allMids", "l2Book", "allDexsAssetCtxs"):
            for topic in topics:
                for coin, channel, text in self._states([topic], now_ms):
                    for connection in self._topics[topic]:
                        connection.data(channel, coin, text)
            return
        for coin, channel, text in self._states(topics, now_ms):
            if channel == "bbo":
                if self._quotes.get(coin) == text.partition('"bbo":[')[2]:
                    continue
                self._quotes[coin] = text.partition('"bbo":[')[2]
            for connection in self._topics[by_key[topics[0].type, coin]]:
                connection.data(channel, coin, text)

    def _states(self, topics: list[Subscription], now_ms: int) -> list[tuple[str, str, str]]:
        """Coin, channel and text of the states of topics of one type."""
        kind = topics[0].type
        if kind == "activeAssetCtx":
            rows = self._market.contexts([topic.coin for topic in topics], now_ms)
            return [(coin, channel, _frame(channel, data)) for coin, channel, data in rows]
        frames: list[tuple[str, str, str]] = []
        for topic in topics:
            data = self._state(topic, now_ms)
            if data is not None:
                frames.append((topic.coin, kind, _frame(kind, data)))
        return frames

    def _state(self, topic: Subscription, now_ms: int) -> object | None:
        if topic.type == "allMids":
            mids = self._market.mids(topic.dex, now_ms)
            if mids is None:
                return None
            return {"mids": mids} | ({"dex": topic.dex} if topic.dex else {})
        if topic.type == "allDexsAssetCtxs":
            rows = self._market.all_contexts(now_ms)
            return None if rows is None else {"ctxs": rows}
        levels = 1 if topic.type == "bbo" else 5 if topic.fast else 20
        book = self._market.book(
            topic.coin, now_ms, levels=levels, figures=topic.figures, mantissa=topic.mantissa
        )
        if book is None or topic.type == "l2Book":
            return book
        sides = book["levels"]
        assert isinstance(sides, list)
        best = [side[0] if side else None for side in sides]
        return {"coin": topic.coin, "time": book["time"], "bbo": best}


def candle_frame(coin: str, interval: str, first: int, bar: Bar, scale: Scale) -> str:
    """A candle frame; text by hand, because it is most of what the stream sends."""
    t = first * MINUTE_MS
    end = t + INTERVALS[interval] * MINUTE_MS - 1
    return (
        f'{{"channel":"candle","data":{{"t":{t},"T":{end},"s":"{coin}","i":"{interval}",'
        f'"o":"{scale.price(bar.open)}","c":"{scale.price(bar.close)}",'
        f'"h":"{scale.price(bar.high)}","l":"{scale.price(bar.low)}",'
        f'"v":"{scale.size(bar.lots)}","n":{bar.n}}}}}'
    )


def _period(topic: Subscription) -> int | None:
    return _PERIOD_MS.get("fast l2Book" if topic.fast else topic.type)


def _frame(channel: str, data: object) -> str:
    return msgspec.json.encode({"channel": channel, "data": data}).decode()
