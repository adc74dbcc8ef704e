"""Gamma's event and tag objects, with the traps that the venue's have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_simulator.polymarket.synthetic import market_body
from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.polymarket.synthetic.texts import IMAGES, fine, rules, zulu
from market_simulator.polymarket.synthetic.words import TAGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.ids import Ids
    from market_simulator.polymarket.synthetic.model import Event
    from market_simulator.polymarket.synthetic.state import State
    from market_simulator.polymarket.synthetic.words import Tag

_SCHEMA_ONE_IN: Final = 3
_SCHEMA: Final = "https://gamma-api.polymarket.com/schemas/Event.json"


def event(
    found: Event, states: Sequence[State], now_ms: int, ids: Ids, *, with_markets: bool = True
) -> dict[str, Any]:
    """An event, with its markets or without."""
    one = found.key
    closed = now_ms >= found.closed_ms
    shares = round(sum(state.shares for state in states), 6)
    day = round(sum(state.day_shares for state in states), 6)
    liquidity = sum(state.liquidity() for state in states)
    made: dict[str, Any] = {"$schema": _SCHEMA} if one % _SCHEMA_ONE_IN == 0 else {}
    made |= {
        "id": found.id if one % 41 == 0 else str(found.id),
        "ticker": found.slug,
        "slug": found.slug,
        "title": found.draft.title,
        "description": rules(found),
        "resolutionSource": "",
        "startDate": fine(found.opened_ms, one),
        "creationDate": fine(found.opened_ms - 30_000, one),
        **({} if found.draft.endless else {"endDate": zulu(found.ends_ms)}),
        "image": f"{IMAGES}{found.draft.category}.png",
        "icon": f"{IMAGES}{found.draft.category}.png",
        "active": True,
        "closed": closed,
        "archived": False,
        "new": False,
        "featured": one % 17 == 0,
        "restricted": True,
        "liquidity": round(liquidity, 5),
        "volume": shares,
        "openInterest": 0 if one % 6 == 0 else round(sum(s.interest for s in states), 6),
        "createdAt": fine(found.opened_ms - 60_000, one),
        "updatedAt": fine(now_ms - now_ms % 30_000, one),
        "competitive": round(1 - abs(0.5 - states[0].value / ONE), 6),
        "volume24hr": day,
        "enableOrderBook": True,
        "liquidityClob": round(liquidity, 5),
        "negRisk": found.draft.one_winner,
        "enableNegRisk": found.draft.one_winner,
        "commentCount": one % 50,
        "cyom": False,
        "showAllOutcomes": True,
        "automaticallyActive": True,
        "negRiskAugmented": False,
        "deploying": False,
        "tags": [tag(TAGS[slug]) for slug in found.draft.tags],
    }
    if closed:
        made["closedTime"] = zulu(found.closed_ms)
        if one % 31 == 0:
            del made["liquidity"]
    if one % 9 == 0:
        made["category"] = "" if one % 2 else found.draft.category.title()
    if found.draft.recurs:
        made["seriesSlug"] = f"{found.draft.symbol.lower()}-up-or-down-{found.draft.recurs}"
        made["startTime"] = zulu(found.begins_ms)
    if found.draft.game:
        made["gameId"], made["eventDate"] = one % 10_000_000, zulu(found.begins_ms)[:10]
    elif found.draft.category == "politics" and one % 60 == 0:
        made["gameId"] = -1
    if found.draft.one_winner:
        made["negRiskMarketID"] = ids.hex(found.number)[:-2] + "00"
    if states[0].market.version is not None:
        made["version"] = states[0].market.version
    if with_markets:
        made["markets"] = [market_body.market(state, found, ids) for state in states]
    return made


def tag(known: Tag) -> dict[str, Any]:
    """A tag as it stands in an event, and in the list of tags."""
    made: dict[str, Any] = {
        "id": str(known.id),
        "label": known.label,
        "slug": known.slug,
        "forceShow": False,
        "createdAt": "2024-11-13T19:58:34.318816Z",
        "updatedAt": "2026-10-09T22:21:41.828275Z",
    }
    if known.id % 4 == 0:
        made["publishedAt"] = "2023-10-25 18:55:50.674+00"
        made["updatedBy"] = 15
    return made
