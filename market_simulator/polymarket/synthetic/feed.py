"""The feed of trades over the tape: what it shows by now, as rows of the Data API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.polymarket.synthetic.ids import Ids
from market_simulator.polymarket.synthetic.tape import CHUNK_MS
from market_simulator.randomness import hash_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.size import PolymarketSize
    from market_simulator.polymarket.synthetic.events import Catalogue
    from market_simulator.polymarket.synthetic.tape import Fills, Tape
    from market_simulator.polymarket.world import TradeQuery

_DAY_S: Final = 86_400
_CHUNK_S: Final = CHUNK_MS // 1000
_ROUNDING_USD: Final = 2.0
_NAMES: Final = ("Vault", "Quiet", "Limping", "Brass", "Second", "North", "Paper", "Late")
_THINGS: Final = ("Android", "Harbor", "Ledger", "Otter", "Signal", "Kettle", "Comet", "Archer")


class Feed:
    """The rows of `/trades`.

    Args:
        start_ms: when the simulator began; the feed reaches `size.trade_days` further back.
    """

    def __init__(
        self, seed: int, size: PolymarketSize, tape: Tape, catalogue: Catalogue, start_ms: int
    ) -> None:
        self._tape = tape
        self._catalogue = catalogue
        self._floor_s = start_ms // 1000 - size.trade_days * _DAY_S
        self._broken = size.broken_trades_one_in
        self._hashes = Ids(key_of(seed, "transactions"))
        self._wallets = Ids(key_of(seed, "wallets"))

    def rows(self, query: TradeQuery, now_ms: int) -> list[Row]:
        """The page that the query asks for, newest first."""
        first, last = query.offset, None if query.limit is None else query.offset + query.limit
        made: list[Row] = []
        passed = 0
        for fills, index in self._matching(query, now_ms):
            per_fill = 1 if query.taker_only else 2
            before, passed = passed, passed + len(index) * per_fill
            if passed <= first:
                continue
            rows = [
                row
                for i in index.tolist()
                for row in self._rows(fills, i, taker_only=query.taker_only)
            ]
            made += rows[max(0, first - before) : None if last is None else last - before]
            if last is not None and passed >= last:
                break
        return made

    def transaction(self, order: int) -> str:
        """The hash of an order's transaction."""
        return self._hashes.hex(order)

    def _matching(
        self, query: TradeQuery, now_ms: int
    ) -> Iterator[tuple[Fills, np.ndarray[Any, Any]]]:
        """Chunk by chunk from the newest, the fills that the feed shows and the query wants."""
        newest = now_ms // 1000 if query.end_s is None else min(query.end_s, now_ms // 1000)
        oldest = self._floor_s if query.start_s is None else max(query.start_s, self._floor_s)
        events = self._events(query, now_ms)
        if events is not None:
            lives = [self._catalogue.event(number) for number in events]
            newest = min(newest, max((e.ends_ms // 1000 for e in lives), default=0))
            oldest = max(oldest, min((e.opened_ms // 1000 for e in lives), default=newest))
        for chunk in range(newest // _CHUNK_S, oldest // _CHUNK_S - 1, -1):
            fills = self._tape.fills(chunk, events, query.min_cash - _ROUNDING_USD)
            seconds = fills.seconds
            wanted = (seconds <= newest) & (seconds >= oldest) & (fills.shown_ms <= now_ms)
            wanted &= (fills.price * fills.size >= query.min_cash) & (fills.size >= query.min_size)
            if query.side is not None:
                wanted &= fills.buys == (query.side == "BUY")
            index = np.flatnonzero(wanted)
            if query.conditions is not None:
                asked = query.conditions
                index = index[[fills.markets[i].condition_id in asked for i in index.tolist()]]
            if query.user is not None:
                index = index[[self._wallet(fills.taker[i]) == query.user for i in index.tolist()]]
            if query.sound and self._broken:
                index = index[[self._fault(fills, i) is None for i in index.tolist()]]
            yield fills, index

    def _events(self, query: TradeQuery, now_ms: int) -> frozenset[int] | None:
        """The numbers of the events that the query is narrowed to."""
        if query.conditions is not None:
            found = (self._catalogue.by_condition(text, now_ms) for text in query.conditions)
            return frozenset(market.event_number for market in found if market is not None)
        if query.events is not None:
            events = (self._catalogue.event_of_id(text, now_ms) for text in query.events)
            return frozenset(event.number for event in events if event is not None)
        return None

    def _rows(self, fills: Fills, i: int, *, taker_only: bool) -> list[Row]:
        row = self._row(fills, i)
        if taker_only:
            return [row]
        maker = self._wallet(hash_of(int(fills.order[i]), i) % 999_983)
        side = "SELL" if row["side"] == "BUY" else "BUY"
        return [row, row | {"proxyWallet": maker, "side": side, "name": "", "pseudonym": ""}]

    def _row(self, fills: Fills, i: int) -> Row:
        market, taker, outcome = fills.markets[i], int(fills.taker[i]), int(fills.outcome[i])
        event = self._catalogue.event(market.event_number)
        size = float(fills.size[i])
        row: Row = {
            "proxyWallet": self._wallet(taker),
            "side": "BUY" if fills.buys[i] else "SELL",
            "asset": market.token_ids[outcome],
            "conditionId": market.condition_id,
            "size": int(size) if size.is_integer() else size,
            "price": float(fills.price[i]),
            "timestamp": int(fills.seconds[i]),
            "title": market.question.text,
            "slug": market.slug,
            "icon": "",
            "eventSlug": event.slug,
            "outcome": market.outcomes[outcome],
            "outcomeIndex": outcome,
            "name": f"{_NAMES[taker % 8]}{taker}" if taker % 3 else "",
            "pseudonym": f"{_NAMES[taker % 7]}-{_THINGS[taker // 8 % 8]}" if taker % 4 else "",
            "bio": "",
            "profileImage": "",
            "profileImageOptimized": "",
            "transactionHash": self.transaction(int(fills.order[i])),
        }
        fault = self._fault(fills, i) if self._broken else None
        return row if fault is None else row | fault

    def _fault(self, fills: Fills, i: int) -> Row | None:
        """Values that cannot be, for one fill in so many."""
        draw = hash_of(int(fills.order[i]), int(fills.seconds[i]) + round(fills.price[i] * 1e5))
        if draw % self._broken:
            return None
        return ({"price": 1.7}, {"size": -5}, {"timestamp": 0}, {"side": "HOLD"})[(draw >> 20) % 4]

    def _wallet(self, number: int) -> str:
        return self._wallets.hex(int(number))[:42]
