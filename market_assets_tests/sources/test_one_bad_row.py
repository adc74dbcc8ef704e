"""One bad value in a row of each route's answer: all other rows come out as they would without it.

With the venues' own shapes, through everything that a source does to them.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.clock import from_s
from market_assets.sources.defillama import series
from market_assets.sources.defillama import wire as llama_wire
from market_assets.sources.hyperliquid import market_wire
from market_assets.sources.hyperliquid import wire as hyperliquid_wire
from market_assets.sources.hyperliquid.contexts import perp_contexts, spot_contexts
from market_assets.sources.hyperliquid.messages import BrokenCandles, CandleFrame, decode_frame
from market_assets.sources.hyperliquid.quotes import ONLY_USDC
from market_assets.sources.hyperliquid.universe import perp_listings, spot_listings
from market_assets.sources.polymarket import wire as polymarket_wire
from market_assets.sources.polymarket.books import decode_books
from market_assets.sources.polymarket.data_wire import decode_open_interest, decode_trades
from market_assets.sources.polymarket.markets import read_event, read_market
from market_assets.sources.polymarket.tags import read_sports, read_tags

from . import broken
from .defillama import shapes as llama
from .hyperliquid import payloads
from .polymarket import shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from market_assets.sources.defillama.model import Listed, Series

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = [date(2026, 11, day) for day in (1, 2, 3)]
NAMES = ("ONE", "TWO", "THREE")
CONDITIONS = [shapes.condition(number) for number in (1, 2, 3)]


class Route(NamedTuple):
    """A list that a venue answers with.

    Attributes:
        answer: three rows in the venue's shape, and what is around them.
        rows: where the rows are.
        read: what the source makes of a body: by row, and what it says to be left out.
    """

    answer: Any
    rows: tuple[Any, ...]
    read: Callable[[bytes], tuple[Mapping[Any, Any], Any]]


def perps(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Listings of a dex."""
    listings, rejected = perp_listings("", *hyperliquid_wire.decode_perps(body))
    return {one.symbol: one for one in listings}, rejected


def perp_now(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Contexts of a dex."""
    found, rejected = perp_contexts("", market_wire.decode_perp_markets(body), ONLY_USDC, NOW)
    return {one.symbol: one for one in found}, rejected


def spot(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Listings of spot."""
    listings, rejected = spot_listings(*hyperliquid_wire.decode_spot(body))
    return {one.symbol: one for one in listings}, rejected


def spot_now(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Contexts of spot."""
    found, rejected = spot_contexts(market_wire.decode_spot_markets(body), NOW)
    return {one.symbol: one for one in found}, rejected


def candles(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Candles by opening time."""
    rows = hyperliquid_wire.decode_candles(body)
    return {one.open_ms: one for one in rows.items if one}, rows.faults


def payments(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Funding payments by time."""
    rows = market_wire.decode_payments(body)
    return {one.time: one for one in rows.items if one}, rows.faults


def frame(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Candles of a frame."""
    read = decode_frame(body)
    assert isinstance(read, CandleFrame | BrokenCandles)
    return {one.open_ms: one for one in read.updates}, read.faults


def dexs(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Dexs by name."""
    rows = hyperliquid_wire.decode_dexs(body)
    return {one.name: one for one in rows.items if one}, rows.faults


def events(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Events by id."""
    page = polymarket_wire.decode_event_page(body)
    rejected = polymarket_wire.named(page.rows.faults)
    found = [read_event(row, at, rejected) for at, row in enumerate(page.rows.items) if row]
    return {one.event_id: one for one in found if one}, rejected


def markets_of_an_event(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """The markets of the one event."""
    found, rejected = events(body)
    ((_, only),) = found.items()
    return {one.condition_id: one for one in only.markets}, rejected


def markets(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Markets by condition id."""
    page = polymarket_wire.decode_markets(body)
    rejected = polymarket_wire.named(page.rows.faults)
    found = [
        read_market(row, None, str(at), rejected) for at, row in enumerate(page.rows.items) if row
    ]
    return {one.condition_id: one for one in found if one}, rejected


def tags(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Tags by id."""
    read = read_tags(polymarket_wire.decode_tags(body))
    return {one.tag_id: one for one in read.tags}, read.rejected


def sports(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Sports by name."""
    found, rejected = read_sports(polymarket_wire.decode_sports(body))
    return {one.sport: one for one in found}, rejected


def trades(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Trades by market."""
    page = decode_trades(body, from_s(1_795_000_100))
    assert page.rows == len(NAMES)
    return {one.condition_id: one for one in page.trades}, page.rejected


def interest(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Open interest by market."""
    read = decode_open_interest(body, CONDITIONS)
    return read.values, read.rejected


def books(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Books by token."""
    read = decode_books(body, NAMES)
    return read.books, read.rejected


def listed(read: Callable[[bytes], Listed[Any]], key: str) -> Callable[[bytes], Any]:
    """Rows of a list of DefiLlama's."""

    def by_key(body: bytes) -> tuple[Mapping[Any, Any], Any]:
        found = read(body)
        return {getattr(one, key): one for one in found.items}, {**found.rejected, **found.faults}

    return by_key


def overview(body: bytes) -> tuple[Mapping[Any, Any], Any]:
    """Turnovers by slug."""
    return listed(lambda body: llama_wire.read_overview(body).turnovers, "slug")(body)


def days(read: Callable[[bytes, date], Series]) -> Callable[[bytes], Any]:
    """Days of a series."""

    def by_day(body: bytes) -> tuple[Mapping[Any, Any], Any]:
        found = read(body, NOW.date())
        return dict(found.days), found.dropped

    return by_day


POINTS = {day: float(day.day) for day in DAYS}
PERP = {"universe": [{"szDecimals": 2, "name": name, "maxLeverage": 5} for name in NAMES]}
MARKET = {
    "funding": "0.1",
    "openInterest": "5.5",
    "prevDayPx": "1.5",
    "dayNtlVlm": "9.5",
    "premium": "0.2",
    "midPx": "1.5",
    "markPx": "1.5",
    "impactPxs": ["1.5", "1.6"],
}
PAIRS = {
    "tokens": [{"name": f"T{at}", "index": at, "szDecimals": 2} for at in range(4)],
    "universe": [{"name": f"@{at}", "tokens": [at, 0]} for at in (1, 2, 3)],
}
PAIR_MARKETS = [{"coin": f"@{at}", "dayNtlVlm": "5.5", "midPx": "1.5"} for at in (1, 2, 3)]
CANDLES = [payloads.candle(payloads.OPEN_MS + at * payloads.MINUTE_MS) for at in range(3)]
ROUTES = {
    "perps": Route([PERP, [MARKET] * 3], (0, "universe"), perps),
    "markets of perps": Route([PERP, [MARKET] * 3], (1,), perps),
    "perps of contexts": Route([PERP, [MARKET] * 3], (0, "universe"), perp_now),
    "contexts": Route([PERP, [MARKET] * 3], (1,), perp_now),
    "pairs": Route([PAIRS, PAIR_MARKETS], (0, "universe"), spot),
    "markets of pairs": Route([PAIRS, PAIR_MARKETS], (1,), spot),
    "contexts of pairs": Route([PAIRS, PAIR_MARKETS], (1,), spot_now),
    "candles": Route(CANDLES, (), candles),
    "a frame of candles": Route({"channel": "candle", "data": CANDLES}, ("data",), frame),
    "funding": Route(
        [
            {"coin": "BTC", "fundingRate": "0.1", "premium": "0.2", "time": 1_795_000_000_000 + at}
            for at in range(3)
        ],
        (),
        payments,
    ),
    "dexs": Route([{"name": name, "fullName": name.title()} for name in NAMES], (), dexs),
    "events": Route({"events": [shapes.event(at) for at in (1, 2, 3)]}, ("events",), events),
    "markets of an event": Route(
        {"events": [shapes.event(7, *map(shapes.market, (1, 2, 3)))]},
        ("events", 0, "markets"),
        markets_of_an_event,
    ),
    "markets": Route([shapes.market(at) for at in (1, 2, 3)], (), markets),
    "tags": Route([{"id": at, "label": f"L{at}", "slug": f"s{at}"} for at in (1, 2, 3)], (), tags),
    "sports": Route([{"sport": name, "tags": "1,2"} for name in NAMES], (), sports),
    "trades": Route([shapes.trade(at) for at in (1, 2, 3)], (), trades),
    "open interest": Route([{"market": one, "value": 5.5} for one in CONDITIONS], (), interest),
    "books": Route([shapes.book(name) for name in NAMES], (), books),
    "protocols": Route(
        [llama.protocol(at) for at in (1, 2, 3)], (), listed(llama_wire.read_protocols, "slug")
    ),
    "chains": Route(
        [llama.chain(name) for name in NAMES], (), listed(llama_wire.read_chains, "name")
    ),
    "stablecoins": Route(
        [{"name": name, "totalCirculatingUSD": {"peggedUSD": 5.5}} for name in NAMES],
        (),
        listed(llama_wire.read_stablecoin_chains, "name"),
    ),
    "overview": Route(
        llama.overview(*(llama.turnover(at) for at in (1, 2, 3))), ("protocols",), overview
    ),
    "chain's days": Route(llama.chain_locked(POINTS), (), days(series.read_chain_tvl)),
    "protocol's days": Route(llama.locked(POINTS), ("tvl",), days(series.read_protocol_tvl)),
    "stablecoins' days": Route(llama.pegged(POINTS), (), days(series.read_stablecoins)),
    "chart": Route(llama.charted(POINTS), ("totalDataChart",), days(series.read_chart)),
}


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree, and one that nobody reads in each object."""
    found = [path]
    if isinstance(tree, dict):
        found.append((*path, broken.IGNORED))
        for key, item in tree.items():
            found += paths(item, (*path, key))
    elif isinstance(tree, list):
        for position, item in enumerate(tree):
            found += paths(item, (*path, position))
    return found


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a place."""
    for step in path:
        tree = tree[step]
    return tree


@pytest.mark.parametrize("name", ROUTES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_other_rows_come_out_exactly(name: str, data: st.DataObject) -> None:
    """The bad one stands without the value, or is left out and named."""
    route = ROUTES[name]
    whole, nothing = route.read(json.dumps(route.answer).encode())
    assert len(whole) == len(NAMES)
    assert not nothing
    nth = data.draw(st.integers(0, 2), label="row")
    inside = data.draw(st.sampled_from(paths(at(route.answer, route.rows)[nth])), label="place")
    text = data.draw(
        st.sampled_from((*broken.LEXICAL, *broken.OF_ANOTHER_TYPE)), label="what stands there"
    )
    tree = broken.with_fault(route.answer, (*route.rows, nth, *inside), text)
    found, left_out = route.read(broken.encoded(tree))
    own = list(whole)[nth]
    others = {key: one for key, one in whole.items() if key != own}
    assert {key: found.get(key) for key in others} == others
    if own not in found and text != b"null":
        is_renamed = len(found) == len(whole)
        assert left_out or is_renamed, "it is lost, and nobody says so"
