"""Asset contexts of every dex and of spot: what joins what, and what is left out.

Perps and their contexts are aligned by position; spot is joined by coin, because its lists have
different lengths. What cannot be read costs only itself: a value its asset, a dex its own rows.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from market_assets.sources.errors import VenueError, VenueNonsense
from market_assets.sources.hyperliquid import weights
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.sources.hyperliquid.market_wire import (
    PerpMarket,
    PerpMarkets,
    SpotMarket,
    SpotMarkets,
    decode_perp_markets,
    decode_spot_markets,
)
from market_assets.sources.hyperliquid.model import DEXS, SPOT, AssetContext, AssetContexts
from market_assets.sources.hyperliquid.quotes import ONLY_USDC, collateral_of, quotes_of
from market_assets.sources.hyperliquid.wire import named, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.endpoint import InfoEndpoint
    from market_assets.sources.hyperliquid.model import Dex
    from market_assets.sources.hyperliquid.quotes import Quote

_LOG = logging.getLogger(__name__)

_Found = tuple[list[AssetContext], dict[str, str]]


def read_contexts(
    info: InfoEndpoint, dexs: Callable[[], Sequence[Dex]], clock: Clock
) -> AssetContexts:
    """Ask for every dex and for spot.

    Args:
        info: whom to ask.
        dexs: which dexs there are.
        clock: the time of receipt.

    Raises:
        VenueError: nothing at all could be read.
    """
    found: list[AssetContext] = []
    failures: dict[str, str] = {}
    rejected: dict[str, str] = {}
    names: Sequence[str] = [""]
    error: VenueError | None = None
    quotes = ONLY_USDC
    try:
        names = [dex.name for dex in dexs()]
    except VenueError as no_dexs:
        failures[DEXS] = str(no_dexs)
    # Spot comes first: it has names and prices of the tokens that the dexs are settled in.
    for name in (SPOT, *names):
        try:
            if name == SPOT:
                spot = info.ask({"type": "spotMetaAndAssetCtxs"}, weights.INFO, decode_spot_markets)
                quotes = quotes_of(spot.tokens.items, spot.pairs.items, spot.markets.items)
                rows, left_out = spot_contexts(spot, clock.now())
            else:
                request = {"type": "metaAndAssetCtxs"} | ({"dex": name} if name else {})
                perps = info.ask(request, weights.INFO, decode_perp_markets)
                rows, left_out = perp_contexts(name, perps, quotes, clock.now())
        except VenueError as failure:
            _LOG.warning("contexts of %r could not be read: %s", name, failure)
            failures[name] = str(failure)
            error = error or failure
            if DEXS in failures and name == SPOT:
                raise  # the venue is away: its other answers would only cost their time-outs
        else:
            found += rows
            rejected |= left_out
    if not found:
        raise error or VenueNonsense(VENUE, "it gives no context at all")
    info.note("contexts", [f"{name}: {reason}" for name, reason in rejected.items()])
    return AssetContexts(tuple(found), failures, rejected)


def perp_contexts(
    dex: str, answer: PerpMarkets, quotes: Mapping[int, Quote], received_at: datetime
) -> _Found:
    """The contexts of a dex, and the assets that were left out with the reason.

    Args:
        dex: its name; '' is the exchange's own.
        answer: what it said.
        quotes: tokens by index, for the one that the dex is settled in.
        received_at: when it said so.

    Raises:
        VenueNonsense: the two lists differ in length, so nobody can say which context is whose.
    """
    assets, markets = answer.assets, answer.markets
    if len(markets.items) != len(assets.items):
        raise VenueNonsense(
            VENUE, f"{len(markets.items)} contexts for {len(assets.items)} assets of dex {dex!r}"
        )
    quote = collateral_of(dex, answer.collateral, quotes)
    rejected = named(assets.faults, dex)
    rejected |= named([fault for fault in markets.faults if fault.field], dex, names_of(assets))
    unreadable = markets.left_out
    found: dict[str, AssetContext] = {}
    for position, (asset, market) in enumerate(zip(assets.items, markets.items, strict=True)):
        if asset is None:
            continue
        prefix = asset.name.rpartition(":")[0]
        fault = None if prefix == dex and asset.name else f"it is no coin of dex {dex!r}"
        if fault is None and asset.name in found:
            fault = "listed twice; the first entry counts"
        if market is None:
            fault = fault or unreadable[position].reason
        if fault is not None or market is None:
            rejected[asset.name or f"{dex}[{position}]"] = str(fault)
            continue
        found[asset.name] = _perp(
            asset.name, market, quote, received_at, is_delisted=bool(asset.is_delisted)
        )
    return list(found.values()), rejected


def spot_contexts(answer: SpotMarkets, received_at: datetime) -> _Found:
    """The contexts of spot pairs, and those that were left out with the reason.

    Contexts of coins that are no pairs (there are some) say nothing and are not named. A pair
    without a context has none; that is named, because there should be one.
    """
    quotes = quotes_of(answer.tokens.items, answer.pairs.items, answer.markets.items)
    markets = {market.coin: market for market in answer.markets.items if market}
    rejected = named(answer.pairs.faults, "spot")
    rejected |= named(answer.tokens.faults, "token")
    rejected |= named(answer.markets.faults, SPOT)
    found: dict[str, AssetContext] = {}
    for pair in answer.pairs.items:
        if pair is None or not pair.name or pair.name in found:
            continue
        market = markets.get(pair.name)
        if market is None:
            rejected[pair.name] = "it has no readable context"
            continue
        found[pair.name] = _spot(market, quotes.get(pair.tokens[1]), received_at)
    return list(found.values()), rejected


def _perp(
    symbol: str,
    market: PerpMarket,
    quote: Quote | None,
    received_at: datetime,
    *,
    is_delisted: bool,
) -> AssetContext:
    bid, ask = market.impact_pxs or (None, None)
    return AssetContext(
        symbol=symbol,
        received_at=received_at,
        mark_px=_price(market.mark_px),
        oracle_px=_price(market.oracle_px),
        mid_px=_price(market.mid_px),
        funding_rate=_number(market.funding),
        premium=_number(market.premium),
        open_interest=_amount(market.open_interest),
        volume_24h_quote=_amount(market.day_ntl_vlm),
        volume_24h_base=_amount(market.day_base_vlm),
        prev_day_px=_price(market.prev_day_px),
        impact_bid_px=_price(bid),
        impact_ask_px=_price(ask),
        quote_token=quote.token if quote else None,
        quote_usd=quote.usd if quote else None,
        is_delisted=is_delisted,
    )


def _spot(market: SpotMarket, quote: Quote | None, received_at: datetime) -> AssetContext:
    return AssetContext(
        symbol=market.coin,
        received_at=received_at,
        mark_px=_price(market.mark_px),
        oracle_px=None,
        mid_px=_price(market.mid_px),
        funding_rate=None,
        premium=None,
        open_interest=None,
        volume_24h_quote=_amount(market.day_ntl_vlm),
        volume_24h_base=_amount(market.day_base_vlm),
        prev_day_px=_price(market.prev_day_px),
        impact_bid_px=None,
        impact_ask_px=None,
        quote_token=quote.token if quote else None,
        quote_usd=quote.usd if quote else None,
        is_delisted=False,
    )


def _price(value: float | None) -> float | None:
    """A price, or None for what none can be: 0, negative, NaN, infinite."""
    return value if value is not None and 0.0 < value < math.inf else None


def _amount(value: float | None) -> float | None:
    return value if value is not None and 0.0 <= value < math.inf else None


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
