"""Which kinds of events the simulated venue has, and how many of each a catalogue holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.synthetic import crypto, general, mixed
from market_simulator.polymarket.synthetic.calendar import BEGAN_MS, Slot
from market_simulator.polymarket.synthetic.drafts import Draw
from market_simulator.polymarket.synthetic.words import UP_OR_DOWN
from market_simulator.randomness import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_simulator.polymarket.size import PolymarketSize
    from market_simulator.polymarket.synthetic.drafts import Ask, Draft

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_NOON_MS: Final = 17 * _HOUR_MS
"""Noon in New York (in winter): when daily questions are decided."""


@dataclass(frozen=True)
class Family:
    """A kind of event.

    Attributes:
        draft: what one of them is about.
        share: how common it is among events that are not up/down.
        days: the shortest and the longest period.
        delay_hours: within which time after its end an event is closed.
        weight: how much trading one draws.
        early: which part of its markets is decided before the event ends.
    """

    draft: Callable[[Ask], Draft]
    share: float = 0.0
    days: tuple[float, float] = (1.0, 1.0)
    delay_hours: float = 6.0
    weight: float = 1.0
    early: float = 0.0


FAMILIES: Final[dict[str, Family]] = {
    "up_or_down": Family(crypto.up_or_down, delay_hours=0.2, weight=4.0),
    "above": Family(crypto.above, 12, (1, 7), 1.0, 2.0),
    "hit": Family(crypto.hit, 12, (20, 32), 2.0, 2.0, 0.12),
    "record": Family(crypto.record, 4, (30, 200), 2.0, 1.0, 0.1),
    "cashtag": Family(crypto.cashtag, 3, (2, 30), 2.0),
    "asset_single": Family(crypto.asset_single, 4, (3, 60), 24.0),
    "endless": Family(crypto.endless, delay_hours=24.0),
    "mixed": Family(mixed.before, delay_hours=24.0),
    "race_of_assets": Family(mixed.race_of_assets, delay_hours=6.0),
    "crypto_other": Family(crypto.other, 5, (5, 120), 24.0),
    "race": Family(general.race, 17, (20, 300), 48.0, 2.0, 0.05),
    "politics": Family(general.politics, 9, (5, 150), 24.0),
    "fed": Family(general.fed, 3, (40, 50), 4.0, 4.0),
    "economy": Family(general.economy, 4, (5, 90), 6.0),
    "game": Family(general.game, 14, (0.5, 3), 6.0, 2.0),
    "champion": Family(general.champion, 7, (60, 250), 6.0, 1.5, 0.1),
    "weather": Family(general.weather, 8, (1, 2), 8.0),
    "culture": Family(general.culture, 5, (3, 90), 24.0),
}
_ALWAYS: Final = (
    ("hit", "BTC", 30.0, 0.0),
    ("hit", "BTC", 30.0, 0.5),
    ("endless", "BTC", 60.0, 0.25),
    ("above", "ETH", 1.0, 0.0),
    ("race_of_assets", "ETH", 28.0, 0.5),
    ("mixed", "SOL", 40.0, 0.75),
)
"""Family, subject, days and phase of the slots that every catalogue has, so that it has every kind
of market on every day. Of two slots half a period apart, one ends in over half a period."""
_STEPS: Final[dict[str, int]] = {
    "5m": 5 * _MINUTE_MS,
    "15m": 15 * _MINUTE_MS,
    "1h": _HOUR_MS,
    "daily": _DAY_MS,
    "4h": 4 * _HOUR_MS,
}
_SERIES_PART: Final = 0.3
_LISTED: Final = 1.5
"""Open events of a series beside those ahead: the running one, and one that is not closed yet."""


def slots(seed: int, size: PolymarketSize) -> list[Slot]:
    """The catalogue's slots: the same for the same seed and size."""
    made = _series(size)
    standing = max(1, size.events - round(len(made) * (size.ahead + _LISTED)))
    bag = _bag(max(0, standing - len(_ALWAYS)))
    order = Draw(key_of(seed, "polymarket order"))
    for i in range(len(bag) - 1, 0, -1):
        j = order.below(i + 1)
        bag[i], bag[j] = bag[j], bag[i]
    return [
        *made,
        *(_always(*one) for one in _ALWAYS),
        *(_standing(name, Draw(key_of(seed, "slot", i))) for i, name in enumerate(bag)),
    ]


def _series(size: PolymarketSize) -> list[Slot]:
    """Up/down series, as many as a catalogue of that size bears, the busiest first."""
    wanted = [f"{ticker}:{step}" for step in _STEPS for ticker in UP_OR_DOWN]
    wanted.sort(key=lambda name: _rank(*name.split(":")))
    most = max(2, round(size.events * _SERIES_PART / (size.ahead + _LISTED)))
    family = FAMILIES["up_or_down"]
    made = []
    for subject in wanted[:most]:
        period = _STEPS[subject.partition(":")[2]]
        start = BEGAN_MS + (_NOON_MS if period == _DAY_MS else 0)
        delay = round(min(family.delay_hours * _HOUR_MS, period))
        made.append(
            Slot("up_or_down", subject, start, period, size.ahead * period, delay, family.weight)
        )
    return made


def _rank(ticker: str, step: str) -> tuple[int, int, int]:
    asset, length = UP_OR_DOWN.index(ticker), list(_STEPS).index(step)
    return asset + length, length, asset


def _bag(count: int) -> list[str]:
    """So many family names, each family by its share."""
    shares = {name: family.share for name, family in FAMILIES.items() if family.share}
    whole = sum(shares.values())
    bag: list[str] = []
    wanted = 0.0
    for name, share in shares.items():
        wanted += share / whole * count
        bag += [name] * (round(wanted) - len(bag))
    return bag


def _always(name: str, subject: str, days: float, phase: float) -> Slot:
    family, period = FAMILIES[name], round(days * _DAY_MS)
    start = BEGAN_MS + _NOON_MS + round(period * phase)
    delay = round(family.delay_hours * _HOUR_MS)
    return Slot(name, subject, start, period, 0, delay, family.weight)


def _standing(name: str, draw: Draw) -> Slot:
    family = FAMILIES[name]
    low, high = (math.log(days) for days in family.days)
    days = math.exp(draw.between(low, high))
    hours = max(12, round(days * 24 / 12) * 12)
    return Slot(
        name,
        "",
        BEGAN_MS + _NOON_MS + draw.below(hours // 6) * 6 * _HOUR_MS,
        hours * _HOUR_MS,
        0,
        round(family.delay_hours * _HOUR_MS),
        family.weight * math.exp(draw.between(-1.5, 1.5)),
    )
