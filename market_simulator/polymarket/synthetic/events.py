"""Events and markets as they are for all their life: ids, texts, and what their prices depend on.

Made from an event's number when first asked for, and kept for a while; nothing here knows what time
it is.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.synthetic import words
from market_simulator.polymarket.synthetic.calendar import Calendar
from market_simulator.polymarket.synthetic.drafts import Ask, Draft, Draw
from market_simulator.polymarket.synthetic.ids import Ids
from market_simulator.polymarket.synthetic.life import Life, life
from market_simulator.polymarket.synthetic.market_body import BROKEN
from market_simulator.polymarket.synthetic.model import FIRST_ID, Event, Market
from market_simulator.polymarket.synthetic.prices import COARSE, FINE
from market_simulator.polymarket.synthetic.slots import FAMILIES, slots
from market_simulator.randomness import hash_of, key_of

if TYPE_CHECKING:
    from market_simulator.polymarket.size import PolymarketSize

MARKETS_PER_EVENT: Final = 64
"""Numbers kept for the markets of one event; a market's number is `event · 64 + place`."""
_KEPT_EVENTS: Final = 16_384
_QUICK_MS: Final = 120_000
_PATIENT_MS: Final = 3_600_000
_TICKS: Final = (COARSE, COARSE, COARSE, COARSE, FINE, FINE, 500, 250)
_SPREADS: Final = (1_000, 1_000, 1_000, 2_000, 2_000, 3_000, 5_000, 8_000)
_WIDE_SPREAD: Final = 16_000
_FINE_SPREADS: Final = (100, 200, 300, 500)


class Catalogue:
    """All events there ever are."""

    def __init__(self, seed: int, size: PolymarketSize) -> None:
        self.calendar = Calendar(slots(seed, size), key_of(seed, "polymarket closes"))
        self._size = size
        self._key = key_of(seed, "polymarket events")
        self._conditions = Ids(key_of(seed, "conditions"))
        self._tokens = Ids(key_of(seed, "tokens"))
        self.others = Ids(key_of(seed, "other ids"))
        """Ids that lead nowhere: questions, groups, positions without a book."""
        self._made = functools.lru_cache(_KEPT_EVENTS)(self._event)
        self._changed: dict[int, Event] = {}

    def event(self, number: int) -> Event:
        """The event of a number, whether it is there yet or not."""
        return self._changed.get(number) or self._made(number)

    def resolve(self, market: Market, now_ms: int) -> None:
        """Let a market be closed and resolved from this instant on."""
        event, old = self.event(market.event_number), market.life
        ended = Life(old.opened, now_ms, 0, now_ms, now_ms, min(old.orders_until, now_ms))
        markets = list(event.markets)
        markets[market.place] = replace(market, life=ended)
        self._changed[event.number] = replace(event, markets=tuple(markets))

    def market(self, number: int, now_ms: int) -> Market | None:
        """The market of a number, if it is there by now."""
        event, place = divmod(number, MARKETS_PER_EVENT)
        if number < 0 or not self.calendar.exists(event, now_ms):
            return None
        markets = self.event(event).markets
        return markets[place] if place < len(markets) else None

    def by_condition(self, text: str, now_ms: int) -> Market | None:
        number = self._conditions.of_hex(text)
        market = None if number is None else self.market(number, now_ms)
        return market if market is not None and market.condition_id == text else None

    def by_token(self, text: str, now_ms: int) -> tuple[Market, int] | None:
        """The market of a token, and which of its outcomes the token is."""
        number = self._tokens.of_decimal(text)
        if number is None:
            return None
        market = self.market(number // 2, now_ms)
        return None if market is None else (market, number % 2)

    def event_of_id(self, text: str, now_ms: int) -> Event | None:
        number = int(text) - FIRST_ID if text.isascii() and text.isdigit() else -1
        return self.event(number) if self.calendar.exists(number, now_ms) else None

    def market_of_id(self, text: str, now_ms: int) -> Market | None:
        return (
            self.market(int(text) - FIRST_ID, now_ms) if text.isascii() and text.isdigit() else None
        )

    def event_of_slug(self, slug: str, now_ms: int) -> Event | None:
        """By the number behind the slug; up/down events have none, and are found while open."""
        event = self.event_of_id(slug.rpartition("-")[2], now_ms)
        if event is not None and event.slug == slug:
            return event
        return next(
            (
                found
                for number in self.calendar.open_at(now_ms).tolist()
                if self.calendar.slot(number).recurs
                for found in (self.event(number),)
                if found.slug == slug
            ),
            None,
        )

    def _event(self, number: int) -> Event:
        calendar = self.calendar
        slot, begins, ends = (
            calendar.slot(number),
            calendar.begins_ms(number),
            calendar.ends_ms(number),
        )
        key = hash_of(self._key, number)
        draft = FAMILIES[slot.family].draft(Ask(Draw(key), slot.subject, begins, ends))
        opened, closed = calendar.opened_ms(number), calendar.closed_ms(number)
        markets = tuple(
            self._market(number, place, draft, (opened, begins, ends, closed))
            for place in range(len(draft.questions))
        )
        slug = draft.slug or f"{words.slug(draft.title)}-{number + FIRST_ID}"
        parts = tuple(accumulate(market.size for market in markets))
        return Event(number, key, draft, slug, opened, begins, ends, closed, markets, parts)

    def _market(
        self, number: int, place: int, draft: Draft, times: tuple[int, int, int, int]
    ) -> Market:
        opened, begins, ends, closed = times
        own = number * MARKETS_PER_EVENT + place
        draw = Draw(hash_of(self._key ^ 0x5BD1E995, own))
        question = draft.questions[place]
        family = FAMILIES[self.calendar.slot(number).family]
        end, close = ends, closed
        if place < len(draft.questions) - 1:  # the last one closes with the event
            early = draw.unit() < family.early and not (draft.one_winner and question.wins)
            end = round(begins + (ends - begins) * draw.between(0.2, 0.9)) if early else ends
            close = end + round((closed - ends) * draw.between(0.5, 1))
        spread, tick = _touch(draw)
        version = _version(draw)
        slug = question.slug or f"{words.slug(question.text)}-{own + FIRST_ID}"
        broken = self._size.broken_one_in
        return Market(
            number=own,
            event_number=number,
            place=place,
            key=draw.key,
            question=question,
            outcomes=question.outcomes or draft.outcomes,
            slug=slug,
            condition_id=self._conditions.hex(own, short=version == "v2"),
            token_ids=(self._tokens.decimal(2 * own), self._tokens.decimal(2 * own + 1)),
            life=life(
                draw.key,
                opened=opened,
                end=end,
                closed=close,
                patience=_QUICK_MS if draft.recurs else _PATIENT_MS,
            ),
            traits=(
                float(begins),
                float(end),
                question.odds,
                draft.swing * draw.between(0.5, 1.5),
                2 * question.wins - 1,
                float(spread),
                float(tick),
            ),
            version=version,
            orders=draw.below(100) > 0,
            one_winner=draft.one_winner,
            broken=draw.pick(BROKEN) if broken and draw.below(broken) == 0 else None,
            size=200 * 10 ** draw.between(0, 3),
        )


def _touch(draw: Draw) -> tuple[int, int]:
    """A market's usual spread and tick, in units; one spread in twenty is wide."""
    tick = draw.pick(_TICKS)
    if draw.below(20) == 0:
        return _WIDE_SPREAD, tick
    return draw.pick(_FINE_SPREADS if tick == FINE else _SPREADS), tick


def _version(draw: Draw) -> str | None:
    """Mostly v1; sometimes v2; now and then none, or one that is not known."""
    at = draw.below(400)
    return None if at < 2 else "v3" if at == 2 else "v2" if at < 32 else "v1"  # noqa: PLR2004 - shares in 400
