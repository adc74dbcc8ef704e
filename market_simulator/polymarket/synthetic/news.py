"""What everybody is told: markets that open, and markets that are resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.polymarket.live import News
from market_simulator.polymarket.synthetic.prices import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_simulator.polymarket.synthetic.events import Catalogue
    from market_simulator.polymarket.synthetic.model import Market

_LEAP_MS: Final = 60_000
"""A pause of which no news is told."""
_MOST: Final = 200
"""Events, or markets that are resolved, of which one go tells."""


class Newsroom:
    """News of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._waiting: dict[int, Market] = {}

    def since(self, numbers: Iterable[int], after_ms: int, now_ms: int) -> list[News]:
        """What is new since an instant.

        Args:
            numbers: of markets that may be resolved while their event is still open; of others
                only those are told that end with their event.
            after_ms: up to when it has been told.
            now_ms: the present.
        """
        if not 0 < now_ms - after_ms <= _LEAP_MS:
            return []
        calendar, event = self._catalogue.calendar, self._catalogue.event
        before, now = calendar.open_at(after_ms), calendar.open_at(now_ms)
        opened = [
            market
            for number in np.setdiff1d(now, before).tolist()[:_MOST]
            for market in event(number).markets
        ]
        for number in np.setdiff1d(before, now).tolist()[:_MOST]:
            self._waiting.update((m.number, m) for m in event(number).markets)
        watched = [self._catalogue.market(number, now_ms) for number in numbers]
        markets = self._waiting | {m.number: m for m in watched if m is not None}
        resolved = [m for m in markets.values() if after_ms < m.life.resolved <= now_ms]
        for number in [n for n, m in self._waiting.items() if m.life.resolved <= now_ms]:
            del self._waiting[number]
        return [
            *(News("new_market", self._new(market, now_ms)) for market in opened),
            *(News("market_resolved", self._resolved(market)) for market in resolved[:_MOST]),
        ]

    def _new(self, market: Market, now_ms: int) -> dict[str, Any]:
        tags = list(self._catalogue.event(market.event_number).draft.tags)
        return self._about(market) | {
            "timestamp": str(now_ms),
            "tags": tags if market.key % 3 == 0 else [],
            "condition_id": market.condition_id,
            "active": True,
            "clob_token_ids": list(market.token_ids),
            "order_price_min_tick_size": text(round(market.traits[-1])),
            "group_item_title": "",
            "sports_market_type": "",
            "line": "",
            "game_start_time": "",
        }

    def _resolved(self, market: Market) -> dict[str, Any]:
        index = None if market.winner is None else market.outcomes.index(market.winner)
        return self._about(market) | {
            "winning_asset_id": "" if index is None else market.token_ids[index],
            "winning_outcome": market.winner or "",
            "timestamp": str(market.life.resolved),
            "tags": [],
        }

    def _about(self, market: Market) -> dict[str, Any]:
        event = self._catalogue.event(market.event_number)
        return {
            "id": str(market.id),
            "question": market.question.text,
            "market": market.condition_id,
            "slug": market.slug,
            "description": "",
            "assets_ids": list(market.token_ids),
            "outcomes": list(market.outcomes),
            "event_message": {
                "id": str(event.id),
                "ticker": event.slug,
                "slug": event.slug,
                "title": event.draft.title,
                "description": "",
            },
        }
