"""Gamma's market object, with the traps that the venue's have.

What a trap hits depends on the market's key alone, so the same market always looks the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_assets.simulator.polymarket.synthetic.books import MIN_ORDER
from market_assets.simulator.polymarket.synthetic.prices import ONE
from market_assets.simulator.polymarket.synthetic.texts import IMAGES, fine, rules, spaced, zulu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.simulator.polymarket.synthetic.events import Event, Market
    from market_assets.simulator.polymarket.synthetic.ids import Ids
    from market_assets.simulator.polymarket.synthetic.state import State

_FEES: Final = {"crypto": 0.07, "politics": 0.04, "sports": 0.03, "economics": 0.05}


def market(state: State, event: Event, ids: Ids) -> dict[str, Any]:
    """A market as it stands inside its event."""
    m, now_ms, one = state.market, state.now_ms, state.market.key
    life = m.life
    liquidity, closed = state.liquidity(), state.closed
    listed = _as_lists if one % 13 == 0 else _as_texts
    made: dict[str, Any] = {
        "id": m.id if one % 37 == 0 else str(m.id),
        "question": m.question.text,
        "conditionId": m.condition_id,
        "slug": m.slug,
        "endDate": zulu(event.ends_ms),
        "liquidity": "0" if closed else f"{liquidity:.5f}",
        "startDate": fine(life.opened, one),
        "image": f"{IMAGES}{event.draft.category}.png",
        "icon": f"{IMAGES}{event.draft.category}.png",
        "description": rules(event),
        "outcomes": listed(m.outcomes),
        "outcomePrices": listed(state.shown()),
        "volume": repr(state.shares),
        "active": one % 211 != 0,
        "closed": closed,
        "marketMakerAddress": "",
        "createdAt": fine(life.opened - 60_000, one),
        "updatedAt": fine(now_ms - now_ms % 30_000, one),
        "new": False,
        "featured": False,
        "archived": False,
        "restricted": True,
        "groupItemThreshold": str(m.place),
        "questionID": ids.hex(m.number),
        "enableOrderBook": m.orders,
        "orderPriceMinTickSize": state.tick / ONE,
        "orderMinSize": MIN_ORDER,
        "volumeNum": state.shares,
        "liquidityNum": liquidity,
        "endDateIso": zulu(event.ends_ms)[:10],
        "startDateIso": zulu(life.opened)[:10],
        "hasReviewedDates": True,
        "volume24hr": state.day_shares,
        "volume24hrClob": state.day_shares,
        "volumeClob": state.shares,
        "liquidityClob": liquidity,
        "clobTokenIds": listed(m.token_ids),
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "acceptingOrders": now_ms < life.orders_until,
        "acceptingOrdersTimestamp": zulu(life.opened),
        "negRisk": m.one_winner,
        "ready": False,
        "funded": False,
        "cyom": False,
        "approved": True,
        "rewardsMinSize": 50,
        "rewardsMaxSpread": 4.5,
        "spread": (state.ask - state.bid) / ONE,
        "automaticallyActive": True,
        "negRiskOther": m.one_winner and m.place == len(event.markets) - 1,
        "umaResolutionStatuses": listed(life.statuses(now_ms)),
        "pendingDeployment": False,
        "deploying": False,
        "rfqEnabled": False,
        "holdingRewardsEnabled": False,
    }
    _may_be_there(made, state, event)
    _times(made, state, event)
    _of_version(made, m, now_ms, ids)
    if m.broken is not None:
        _break(made, m)
    return made


def _may_be_there(made: dict[str, Any], state: State, event: Event) -> None:
    """Keys that some markets have, others leave out, and others have as an empty string."""
    m, one = state.market, state.market.key
    if state.bid > 0:
        made["bestBid"] = state.bid / ONE
    if state.ask < ONE or one % 2:
        made["bestAsk"] = state.ask / ONE
    if state.last is not None:
        made["lastTradePrice"] = state.last / ONE
    _text_or_empty(made, "groupItemTitle", m.question.group, empty=one % 3 == 0)
    streamed = event.draft.recurs and event.draft.symbol.lower()
    source = f"https://data.example/streams/{streamed}-usd" if streamed else ""
    _text_or_empty(made, "resolutionSource", source, empty=bool(one % 2))
    request = made["questionID"] if m.one_winner and one % 5 else ""
    _text_or_empty(made, "negRiskRequestID", request, empty=m.one_winner or one % 7 == 0)
    if m.one_winner:
        made["negRiskMarketID"] = made["questionID"][:-2] + "00"
    rate = _FEES.get(event.draft.category)
    if rate is not None:
        made["feesEnabled"], made["feeType"] = True, f"{event.draft.category}_fees"
        schedule = {"exponent": 1, "rate": rate, "takerOnly": True, "rebateRate": 0.25}
        made["feeSchedule"] = schedule
    if one % 19 == 0:
        del made["volumeNum"], made["liquidityNum"]
    if one % 29 == 0:
        made["someFieldOfTomorrow"] = {"nobody": ["knows"]}


def _times(made: dict[str, Any], state: State, event: Event) -> None:
    """Instants, each key in a format of its own, and what they say of the resolution."""
    m, one = state.market, state.market.key
    status = m.life.status(state.now_ms) or ""
    _text_or_empty(made, "umaResolutionStatus", status, empty=one % 11 == 0)
    if state.closed:
        made["closedTime"] = spaced(m.life.closed)
        made["umaEndDate"] = zulu(m.life.closed)
        made["automaticallyResolved"] = True
    if event.draft.recurs:
        made["eventStartTime"] = zulu(event.begins_ms)
    if event.draft.game:
        made["gameStartTime"] = spaced(event.begins_ms)
        made["sportsMarketType"] = "moneyline" if m.place == 0 else "spreads"
        made["gameId"] = str(event.key % 10_000_000)
    if one % 23 == 0:
        made["endDate"] = fine(event.ends_ms, one)


def _text_or_empty(made: dict[str, Any], key: str, text: str, *, empty: bool) -> None:
    """A text; where there is none an empty one, or nothing."""
    if text or empty:
        made[key] = text


def _of_version(made: dict[str, Any], m: Market, now_ms: int, ids: Ids) -> None:
    """Where the token ids are, and how a resolution is told, differs between versions."""
    if m.version is not None:
        made["version"] = m.version
    if m.version == "v2":
        made["positionIds"] = list(m.token_ids)
        del made["clobTokenIds"]
        made.pop("umaResolutionStatus", None)
        resolved = now_ms >= m.life.resolved
        made["resolutionStatus"] = "resolved" if resolved else "active"
    elif m.key % 100 < 35:  # noqa: PLR2004 - as measured: 35 % of open v1 markets carry some
        made["positionIds"] = [ids.decimal(2 * m.number), ids.decimal(2 * m.number + 1)]


def _break(made: dict[str, Any], m: Market) -> None:
    """Make one field unreadable."""
    bad: dict[str, Any] = {
        "outcomes": '["Yes", "N',
        "clobTokenIds": '["123"]',
        "endDate": "1970-13-45",
        "outcomePrices": '["1.7", "-0.7"]',
        "conditionId": "",
        "volume": "a lot",
    }
    assert m.broken is not None
    made[m.broken] = bad[m.broken]
    if m.broken == "volume":
        made["volumeNum"] = bad["volume"]
    if m.broken == "clobTokenIds":
        made["positionIds"] = ["123"]


def _as_texts(items: Sequence[str]) -> str:
    inner = ", ".join(msgspec.json.encode(item).decode() for item in items)
    return f"[{inner}]"


def _as_lists(items: Sequence[str]) -> list[str]:
    return list(items)
