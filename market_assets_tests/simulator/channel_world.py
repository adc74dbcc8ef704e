"""A made-up Polymarket without a server, and what happens to its books between two instants."""

from __future__ import annotations

import json
from typing import Any

from market_assets_tests.simulator.market_venue import NOW_S
from market_simulator.polymarket.channel import frames
from market_simulator.polymarket.live import Followed, Happening
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.polymarket.synthetic.world import SyntheticWorld

NOW_MS = NOW_S * 1000
BUSY = PolymarketSize(events=60, trades_per_minute=2000, updown_days=1, book_changes=2.0)
Message = dict[str, Any]


def worlds_markets(world: SyntheticWorld, now_ms: int = NOW_MS) -> list[Message]:
    """Markets that have books."""
    rows = world.truth_of_markets([], now_ms)
    return [row for row in rows if world.book(row["token_ids"][0], now_ms) is not None]


def told(
    world: SyntheticWorld, tokens: list[str], instants: list[int]
) -> tuple[list[Followed], list[Happening]]:
    """What happens to markets from the first of the instants to the last, and where they are."""
    start, *later = instants
    found = [world.live.follow(token, start) for token in tokens]
    followed = [one for one in found if one is not None]
    return followed, [h for at_ms in later for _, h in world.live.advance(followed, at_ms)]


def decoded(happening: Happening) -> list[Message]:
    return [json.loads(frame.text) for frame in frames.of(happening)]
