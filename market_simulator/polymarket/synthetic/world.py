"""The made-up Polymarket: a catalogue, its prices, its tape, put together for the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.polymarket.synthetic import event_body, fees, market_body, prices, words
from market_simulator.polymarket.synthetic.events import MARKETS_PER_EVENT, Catalogue
from market_simulator.polymarket.synthetic.feed import Feed
from market_simulator.polymarket.synthetic.following import Following, has_book
from market_simulator.polymarket.synthetic.ledger import Ledger
from market_simulator.polymarket.synthetic.matches import Matches
from market_simulator.polymarket.synthetic.motion import Motion
from market_simulator.polymarket.synthetic.state import State
from market_simulator.polymarket.synthetic.tape import Tape
from market_simulator.polymarket.synthetic.ticks import Ticks
from market_simulator.randomness import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.size import PolymarketSize
    from market_simulator.polymarket.synthetic.model import Event, Market
    from market_simulator.polymarket.world import Selection, TradeQuery
    from market_simulator.randomness import I64

_DAY_MS: Final = 86_400_000
_SPORTS: Final = 470
_LEAGUES: Final = ("nba", "mlb", "soccer", "hockey", "tennis", "esports")


class SyntheticWorld:
    """Everything from a seed; see `world.World`.

    Args:
        start_ms: the venue's time when the simulator began: how far back lists reach, and from
            when volumes follow the tape, is counted from it.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, seed: int, size: PolymarketSize, start_ms: int) -> None:
        self.catalogue = Catalogue(seed, size)
        self._tape = Tape(seed, size, self.catalogue)
        self._ledger = Ledger(self._tape, self.catalogue, start_ms)
        self._feed = Feed(seed, size, self._tape, self.catalogue, start_ms)
        self._ticks = Ticks()
        self._matches = Matches(self._tape)
        self._motion = Motion(seed, size.book_changes, self._ticks, self._matches)
        self.live = Following(self.catalogue, self._motion, self._ledger, self._feed.transaction)
        self._listed_from_ms = np.array(
            [
                start_ms - (size.updown_days if slot.recurs else size.history_days) * _DAY_MS
                for slot in self.catalogue.calendar.slots
            ],
            np.int64,
        )

    def event_keys(self, wanted: Selection, now_ms: int) -> Sequence[int]:
        if wanted.named:
            found = [self.catalogue.event_of_id(text, now_ms) for text in wanted.ids]
            found += [self.catalogue.event_of_slug(slug, now_ms) for slug in wanted.slugs]
            numbers = np.array(sorted({e.number for e in found if e is not None}), np.int64)
        else:
            numbers = self._numbers(wanted, now_ms)
        kept: list[int] = numbers.tolist()
        if wanted.named and wanted.closed is not None:
            closed_ms = self.catalogue.calendar.closed_ms
            kept = [n for n in kept if (closed_ms(n) <= now_ms) == wanted.closed]
        if wanted.end_min_ms is not None or wanted.end_max_ms is not None:
            kept = [n for n in kept if self._ends_in(n, wanted)]
        return kept

    def event_bodies(
        self, keys: Sequence[int], now_ms: int, *, with_markets: bool = True
    ) -> list[Row]:
        events = [self.catalogue.event(key) for key in keys]
        states = self._states([m for event in events for m in event.markets], now_ms)
        made, ids, at = [], self.catalogue.others, 0
        for event in events:
            own, at = states[at : at + len(event.markets)], at + len(event.markets)
            made.append(event_body.event(event, own, now_ms, ids, with_markets=with_markets))
        return made

    def market_keys(self, wanted: Selection, after: int, now_ms: int) -> Iterator[int]:
        if wanted.named:
            found = [self.catalogue.market_of_id(text, now_ms) for text in wanted.ids]
            found += [self.catalogue.by_condition(text, now_ms) for text in wanted.conditions]
            for token in wanted.tokens:
                owner = self.catalogue.by_token(token, now_ms)
                found.append(owner[0] if owner else None)
            for slug in wanted.slugs:
                market = self.catalogue.market_of_id(slug.rpartition("-")[2], now_ms)
                found.append(market if market is not None and market.slug == slug else None)
            markets: Iterable[Market] = sorted(
                {m.number: m for m in found if m is not None}.values(), key=lambda m: m.number
            )
        else:
            first = (after + 1) // MARKETS_PER_EVENT
            numbers = self._numbers(wanted, now_ms, markets=True)
            later = numbers[np.searchsorted(numbers, first) :].tolist()
            markets = (m for number in later for m in self.catalogue.event(number).markets)
        for market in markets:
            if market.number <= after:
                continue
            right = wanted.closed in (None, now_ms >= market.life.closed)
            if right and self._ends_in(market.event_number, wanted):
                yield market.number

    def market_bodies(self, keys: Sequence[int], now_ms: int) -> list[Row]:
        markets = [self.catalogue.market(key, now_ms) for key in keys]
        states = self._states([m for m in markets if m is not None], now_ms)
        ids, made = self.catalogue.others, []
        for state in states:
            event = self.catalogue.event(state.market.event_number)
            whole = event_body.event(
                event, self._states(event.markets, now_ms), now_ms, ids, with_markets=False
            )
            tags = whole.pop("tags")
            made.append(market_body.market(state, event, ids) | {"events": [whole], "tags": tags})
        return made

    def tags(self) -> list[Row]:
        every = (*words.TAGS.values(), *words.people())
        return [event_body.tag(tag) for tag in sorted(every, key=lambda tag: tag.id)]

    def sports(self) -> list[Row]:
        """The real venue lists some 470 leagues; most of them share a few tags."""
        games, sports = words.TAGS["games"].id, words.TAGS["sports"].id
        made = []
        for number in range(_SPORTS):
            league = _LEAGUES[number % len(_LEAGUES)]
            name = league if number < len(_LEAGUES) else f"{league}{number}"
            tag = words.TAGS[league].id
            made.append(
                {
                    "id": 1 + number,
                    "sport": name,
                    "name": name.upper(),
                    "image": "",
                    "resolution": "",
                    "ordering": "home" if number % 2 else "away",
                    "tags": f"{sports},{tag},{games}",
                    "primaryTagId": tag,
                    "series": str(10_000 + number),
                    "createdAt": "2025-11-05T19:27:45.399303Z",
                }
            )
        return made

    def trades(self, query: TradeQuery, now_ms: int) -> list[Row]:
        return self._feed.rows(query, now_ms)

    def interest(self, conditions: Iterable[str], now_ms: int) -> list[Row]:
        found = [self.catalogue.by_condition(text, now_ms) for text in conditions]
        markets = [m for m in found if m is not None]
        return [
            {"market": state.market.condition_id, "value": state.interest}
            for state in self._states(markets, now_ms)
            if state.interest
        ]

    def book(self, token: str, now_ms: int) -> Row | None:
        found = self.catalogue.by_token(token, now_ms)
        if found is None:
            return None
        market, outcome = found
        if not has_book(market, now_ms):
            return None
        (traded,) = self._ledger.read([market], now_ms)
        return self._motion.at(market, now_ms).written(market, outcome, traded.last)

    def change_tick(self, condition: str, tick: str, now_ms: int) -> int:
        market = self._named(condition, now_ms)
        return self._ticks.change(market, round(float(tick) * prices.ONE), now_ms)

    def resolve(self, condition: str, now_ms: int) -> None:
        market = self._named(condition, now_ms)
        if now_ms >= market.life.closed:
            raise ValueError("the market is closed already")
        self.catalogue.resolve(market, now_ms)
        self._tape.forget()
        self._matches.forget()
        self._motion.forget()

    def _named(self, condition: str, now_ms: int) -> Market:
        market = self.catalogue.by_condition(condition, now_ms)
        if market is None:
            raise ValueError(f"no market {condition!r}")
        return market

    def truth_of_markets(self, conditions: Sequence[str], now_ms: int) -> list[Row]:
        if conditions:
            found = [self.catalogue.by_condition(text, now_ms) for text in conditions]
            markets = [m for m in found if m is not None]
        else:
            numbers = self.catalogue.calendar.open_at(now_ms).tolist()
            markets = [m for number in numbers for m in self.catalogue.event(number).markets]
        return [
            self._truth(state, self.catalogue.event(state.market.event_number), now_ms)
            for state in self._states(markets, now_ms)
        ]

    def _truth(self, state: State, event: Event, now_ms: int) -> Row:
        market, life = state.market, state.market.life
        resolved = now_ms >= life.resolved
        return {
            "condition_id": market.condition_id,
            "market_id": str(market.id),
            "event_id": str(event.id),
            "question": market.question.text,
            "outcomes": list(market.outcomes),
            "token_ids": list(market.token_ids),
            "version": market.version,
            "broken": market.broken,
            "taker_fee_rate": fees.rate(event.draft.category, market.key),
            "symbol": _symbol(market, event) or None,
            "opened_at_ms": life.opened,
            "end_at_ms": None if event.draft.endless else event.ends_ms,
            "closed": state.closed,
            "closed_at_ms": life.closed if state.closed else None,
            "resolved": resolved,
            "winning_outcome": market.winner if resolved else None,
            "best_bid": state.bid / prices.ONE if state.bid > 0 else None,
            "best_ask": state.ask / prices.ONE if state.ask < prices.ONE else None,
            "last_trade_price": None if state.last is None else state.last / prices.ONE,
            "volume": state.shares,
            "open_interest": state.interest or None,
        }

    def _ends_in(self, number: int, wanted: Selection) -> bool:
        """Whether an event ends in the span asked for; one without an end is in none."""
        if wanted.end_min_ms is None and wanted.end_max_ms is None:
            return True
        low, high = wanted.end_min_ms or 0, wanted.end_max_ms or 1 << 60
        ends_ms = self.catalogue.calendar.ends_ms(number)
        return low <= ends_ms <= high and not self.catalogue.event(number).draft.endless

    def _numbers(self, wanted: Selection, now_ms: int, *, markets: bool = False) -> I64:
        """Numbers of events by their state; closed markets are found in open events too."""
        calendar = self.catalogue.calendar
        ended_from = np.maximum(self._listed_from_ms, wanted.end_min_ms or 0)
        ended_to = now_ms if wanted.end_max_ms is None else min(wanted.end_max_ms, now_ms)
        if wanted.closed is False:
            return calendar.open_at(now_ms)
        ended = calendar.ended_in(ended_from, ended_to, now_ms)
        if wanted.closed and not markets:
            return ended
        return np.union1d(calendar.open_at(now_ms), ended)

    def _states(self, markets: Sequence[Market], now_ms: int) -> list[State]:
        """What markets are now; prices of closed ones stand still at what they were."""
        if not markets:
            return []
        at = np.array([min(now_ms, m.life.closed) for m in markets], np.int64)
        quoted = self._ticks.quotes(markets, at)
        traded = self._ledger.read(markets, now_ms)
        columns = (column.tolist() for column in quoted)
        return [
            State(
                market,
                now_ms,
                value,
                bid,
                ask,
                tick,
                round(done.shares, 6),
                round(done.day_shares, 6),
                done.last,
                _interest(market, done.shares, now_ms),
            )
            for market, value, bid, ask, tick, done in zip(markets, *columns, traded, strict=True)
        ]


def _symbol(market: Market, event: Event) -> str:
    """The asset that a market is about: in a mixed event its own, or none."""
    own = market.question.symbol
    return event.draft.symbol if own is None else own


def _interest(market: Market, shares: float, now_ms: int) -> float:
    """Dollars at stake: a share of what was traded, nothing once it is paid out.

    0 for markets of which the venue's open interest says nothing.
    """
    if now_ms >= market.life.resolved or market.version != "v1" or market.key % 12 == 0:
        return 0.0
    return round(shares * (0.1 + hash_of(market.key, 5) % 400 / 1000), 6)
