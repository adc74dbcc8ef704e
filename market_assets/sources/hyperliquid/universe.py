"""The registry's listings out of decoded info answers: what joins what, and what is left out.

Perps and their markets are aligned by position; spot pairs, tokens and markets are joined by index
and coin, because their lists have holes and different lengths. Pure: nothing here asks the venue.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from market_assets.sources.hyperliquid.model import Listing
from market_assets.sources.hyperliquid.quotes import ONLY_USDC, collateral_of, quotes_of
from market_assets.sources.hyperliquid.wire import named, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.sources.decoding import Rows
    from market_assets.sources.hyperliquid.quotes import Quote
    from market_assets.sources.hyperliquid.wire import (
        PerpAsset,
        PerpContext,
        SpotContext,
        SpotPair,
        SpotToken,
    )

_ISOLATED: Final = {"strictIsolated", "noCross"}
"""Margin modes without cross margin. They replace the deprecated flag `onlyIsolated`: whichever of
the two is given counts. `strictIsolated` (no margin can be taken out of a position either) and
`noCross` both came with `onlyIsolated: true` while both were sent (2025-12, 2026-02, 2026-07)."""

_MOST_DECIMALS: Final = 18


def perp_listings(
    dex: str,
    assets: Rows[PerpAsset],
    contexts: Rows[PerpContext],
    collateral: int | None = None,
    quotes: Mapping[int, Quote] = ONLY_USDC,
) -> tuple[list[Listing], dict[str, str]]:
    """The listings of a dex, and the entries that were left out with the reason.


    Volumes are in the token that the dex is settled in, and become dollars by its price.

    Args:
        dex: its name; '' is the exchange's own.
        assets: its perps.
        contexts: their markets, aligned by position.
        collateral: index of the token that it is settled in, as it says.
        quotes: tokens by index.

    Volumes are in the token that the dex is settled in, and become dollars by its price.

    Args:
        dex: its name; '' is the exchange's own.
        assets: its perps.
        contexts: their markets, aligned by position.
        collateral: index of the token that it is settled in, as it says.
        quotes: tokens by index.

    Where the two lists differ in length nobody can say which market is whose: the assets are
    listed without markets, and that is said under the dex's name.
    """
    rejected = named(assets.faults, dex)
    quote = collateral_of(dex, collateral, quotes)
    markets = contexts.items
    if len(markets) != len(assets.items):
        rejected[f"{dex}(markets)"] = (
            f"{len(markets)} markets for {len(assets.items)} assets: none of them is used"
        )
        markets = [None] * len(assets.items)
    else:
        rejected |= named(contexts.faults, f"{dex}(markets)", names_of(assets))
    listings: dict[str, Listing] = {}
    for asset, market in zip(assets.items, markets, strict=True):
        if asset is None:
            continue
        fault = _perp_fault(dex, asset)
        if fault is None and asset.name in listings:
            fault = "listed twice; the first entry counts"
        if fault is not None:
            rejected[asset.name] = fault
            continue
        listings[asset.name] = Listing(
            symbol=asset.name,
            kind="perp",
            dex=dex,
            display_name=asset.name,
            sz_decimals=asset.sz_decimals,
            max_leverage=asset.max_leverage,
            only_isolated=bool(asset.only_isolated) or asset.margin_mode in _ISOLATED,
            is_delisted=bool(asset.is_delisted),
            volume_24h=quote.in_usd(_amount(market.day_ntl_vlm)) if quote and market else None,
            mid=_price(market.mid_px) if market else None,
        )
    return list(listings.values()), rejected


def spot_listings(
    tokens: Rows[SpotToken], pairs: Rows[SpotPair], contexts: Rows[SpotContext]
) -> tuple[list[Listing], dict[str, str]]:
    """The listings of spot, and the entries that were left out with the reason.

    A pair's display name is made of its tokens' names: `@107` is HYPE/USDC. The exchange knows no
    delisted pairs.
    """
    rejected = named(pairs.faults, "spot")
    rejected |= named(tokens.faults, "token")
    rejected |= named(contexts.faults, "spot(markets)")
    by_index = {token.index: token for token in tokens.items if token}
    quotes = quotes_of(tokens.items, pairs.items, contexts.items)
    markets = {market.coin: market for market in contexts.items if market}
    listings: dict[str, Listing] = {}
    for pair in pairs.items:
        if pair is None:
            continue
        base, quote = (by_index.get(index) for index in pair.tokens)
        if base is None or quote is None:
            rejected[pair.name] = f"its tokens {pair.tokens} are not both listed"
        elif not pair.name or pair.name in listings:
            rejected[pair.name] = "listed twice, or without a name"
        elif not 0 <= base.sz_decimals <= _MOST_DECIMALS:
            rejected[pair.name] = f"szDecimals {base.sz_decimals} of {base.name}"
        else:
            market = markets.get(pair.name)
            listings[pair.name] = Listing(
                symbol=pair.name,
                kind="spot",
                dex="",
                display_name=f"{base.name}/{quote.name}",
                sz_decimals=base.sz_decimals,
                max_leverage=None,
                only_isolated=False,
                is_delisted=False,
                volume_24h=quotes[quote.index].in_usd(_amount(market.day_ntl_vlm))
                if market
                else None,
                mid=_price(market.mid_px) if market else None,
            )
    return list(listings.values()), rejected


def _perp_fault(dex: str, asset: PerpAsset) -> str | None:
    """Why an entry cannot be a perp of that dex; None if it can."""
    if not asset.name:
        return "it has no name"
    # A builder's coin without its prefix would pass for one of the first dex, and the reverse.
    prefix, colon, _ = asset.name.rpartition(":")
    if (prefix if colon else "") != dex:
        return f"it is no coin of dex {dex!r}"
    if not 0 <= asset.sz_decimals <= _MOST_DECIMALS:
        return f"szDecimals {asset.sz_decimals}"
    if asset.max_leverage < 1:
        return f"maxLeverage {asset.max_leverage}"
    return None


def _amount(value: float | None) -> float | None:
    return value if value is not None and 0.0 <= value < math.inf else None


def _price(value: float | None) -> float | None:
    return value if value is not None and 0.0 < value < math.inf else None
