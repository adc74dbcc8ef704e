"""Gamma's market object, with the traps that the venue's have.

What a trap hits depends on the market's key alone, so the same market always looks the same way.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.polymarket.synthetic import fees
from market_simulator.polymarket.synthetic.model import MIN_ORDER
from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.polymarket.synthetic.texts import IMAGES, fine, rules, spaced, zulu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.ids import Ids
    from market_simulator.polymarket.synthetic.model import Event, Market
    from market_simulator.polymarket.synthetic.state import State

_KEPT: Final = 4_096
"""Markets whose constant part is kept: enough for the usual catalogue, 4 KB each."""


def market(state: State, event: Event, ids: Ids) -> dict[str, Any]:
    """A market as it stands inside its event."""
    m, now_ms, one = state.market, state.now_ms, state.market.key
    liquidity, closed = state.liquidity(), state.closed
    made: dict[str, Any] = _constant(m, event, ids) | {
        "liquidity": "0" if closed else f"{liquidity:.5f}",
        "outcomePrices": _listed(m, state.shown()),
        "volume": repr(state.shares),
        "closed": closed,
        "updatedAt": fine(now_ms - now_ms % 30_000, one),
        "orderPriceMinTickSize": state.tick / ONE,
        "volume24hr": state.day_shares,
        "volume24hrClob": state.day_shares,
        "volumeClob": state.shares,
        "liquidityClob": liquidity,
        "acceptingOrders": now_ms < m.life.orders_until,
        "spread": (state.ask - state.bid) / ONE,
        "umaResolutionStatuses": _listed(m, m.life.statuses(now_ms)),
    }
    if one % 19:
        made["volumeNum"], made["liquidityNum"] = state.shares, liquidity
    if state.bid > 0:
        made["bestBid"] = state.bid / ONE
    if state.ask < ONE or one % 2:
        made["bestAsk"] = state.ask / ONE
    if state.last is not None:
        made["lastTradePrice"] = state.last / ONE
    _resolution(made, m, now_ms)
    if m.broken is not None:
        _break(made, m.broken)
    return made


@functools.lru_cache(_KEPT)
def _constant(m: Market, event: Event, ids: Ids) -> dict[str, Any]:
    """What of a market never changes; not to be changed by whoever gets it."""
    one, life = m.key, m.life
    made: dict[str, Any] = {
        "id": m.id if one % 37 == 0 else str(m.id),
        "question": m.question.text,
        "conditionId": m.condition_id,
        "slug": m.slug,
        "endDate": fine(event.ends_ms, one) if one % 23 == 0 else zulu(event.ends_ms),
        "startDate": fine(life.opened, one),
        "image": f"{IMAGES}{event.draft.category}.png",
        "icon": f"{IMAGES}{event.draft.category}.png",
        "description": rules(event),
        "outcomes": _listed(m, m.outcomes),
        "active": one % 211 != 0,
        "marketMakerAddress": "",
        "createdAt": fine(life.opened - 60_000, one),
        "new": False,
        "featured": False,
        "archived": False,
        "restricted": True,
        "groupItemThreshold": str(m.place),
        "questionID": ids.hex(m.number),
        "enableOrderBook": m.orders,
        "orderMinSize": MIN_ORDER,
        "endDateIso": zulu(event.ends_ms)[:10],
        "startDateIso": zulu(life.opened)[:10],
        "hasReviewedDates": True,
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "acceptingOrdersTimestamp": zulu(life.opened),
        "negRisk": m.one_winner,
        "ready": False,
        "funded": False,
        "cyom": False,
        "approved": True,
        "rewardsMinSize": 50,
        "rewardsMaxSpread": 4.5,
        "automaticallyActive": True,
        "negRiskOther": m.one_winner and m.place == len(event.markets) - 1,
        "pendingDeployment": False,
        "deploying": False,
        "rfqEnabled": False,
        "holdingRewardsEnabled": False,
        **_tokens(m, ids),
    }
    if event.draft.endless:
        del made["endDate"], made["endDateIso"]
    _may_be_there(made, m, event)
    return made


def _tokens(m: Market, ids: Ids) -> dict[str, Any]:
    """Where the token ids are differs between versions; some v1 markets have both kinds of ids."""
    made: dict[str, Any] = {} if m.version is None else {"version": m.version}
    if m.version == "v2":
        return made | {"positionIds": list(m.token_ids)}
    if m.key % 100 < 35:  # noqa: PLR2004 - as measured: 35 % of open v1 markets carry some
        made["positionIds"] = [ids.decimal(2 * m.number), ids.decimal(2 * m.number + 1)]
    return made | {"clobTokenIds": _listed(m, m.token_ids)}


def _may_be_there(made: dict[str, Any], m: Market, event: Event) -> None:
    """Keys that some markets have, others leave out, and others have as an empty string."""
    one = m.key
    _text_or_empty(made, "groupItemTitle", m.question.group, empty=one % 3 == 0)
    streamed = event.draft.recurs and event.draft.symbol.lower()
    source = f"https://data.example/streams/{streamed}-usd" if streamed else ""
    _text_or_empty(made, "resolutionSource", source, empty=bool(one % 2))
    request = made["questionID"] if m.one_winner and one % 5 else ""
    _text_or_empty(made, "negRiskRequestID", request, empty=m.one_winner or one % 7 == 0)
    if m.one_winner:
        made["negRiskMarketID"] = f"{made['questionID'][:-2]}00"
    made.update(fees.told(event.draft.category, one))
    if event.draft.recurs:
        made["eventStartTime"] = zulu(event.begins_ms)
    if event.draft.game:
        made["gameStartTime"] = spaced(event.begins_ms)
        made["sportsMarketType"] = "moneyline" if m.place == 0 else "spreads"
        made["gameId"] = str(event.key % 10_000_000)
    if one % 29 == 0:
        made["someFieldOfTomorrow"] = {"nobody": ["knows"]}


def _resolution(made: dict[str, Any], m: Market, now_ms: int) -> None:
    """How far it is resolved, which v1 and v2 tell under different keys."""
    if m.version == "v2":
        made["resolutionStatus"] = "resolved" if now_ms >= m.life.resolved else "active"
    else:
        status = m.life.status(now_ms) or ""
        _text_or_empty(made, "umaResolutionStatus", status, empty=m.key % 11 == 0)
    if now_ms >= m.life.closed:
        made["closedTime"] = spaced(m.life.closed)
        made["umaEndDate"] = zulu(m.life.closed)
        made["automaticallyResolved"] = True


def _text_or_empty(made: dict[str, Any], key: str, text: str, *, empty: bool) -> None:
    """A text; where there is none an empty one, or nothing."""
    if text or empty:
        made[key] = text


_UNREADABLE: Final[dict[str, dict[str, Any]]] = {
    "outcomes": {"outcomes": '["Yes", "N'},
    "clobTokenIds": {"clobTokenIds": '["123"]', "positionIds": ["123"]},
    "endDate": {"endDate": "1970-13-45"},
    "outcomePrices": {"outcomePrices": '["1.7", "-0.7"]'},
    "conditionId": {"conditionId": ""},
    "volume": {"volume": "a lot", "volumeNum": "a lot"},
}
BROKEN: Final = tuple(_UNREADABLE)
"""The fields of which one cannot be read in a broken market."""


def _break(made: dict[str, Any], field: str) -> None:
    made.update(_UNREADABLE[field])


def _listed(m: Market, items: Sequence[str]) -> str | list[str]:
    """A list as a text that holds JSON; one market in thirteen has real lists."""
    if m.key % 13 == 0:
        return list(items)
    inner = ", ".join(msgspec.json.encode(item).decode() for item in items)
    return f"[{inner}]"
