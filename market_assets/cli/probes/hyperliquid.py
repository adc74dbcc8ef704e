"""`probe hyperliquid`: the registry, mids and one asset's candles."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from market_assets.cli.probes.printing import print_rejected, print_rows, refuse_failures
from market_assets.clock import SystemClock
from market_assets.settings.values import SettingError
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.weights import weight_budget

if TYPE_CHECKING:
    from market_assets.settings import Settings


def probe(settings: Settings, limit: int) -> None:
    """The registry, mids and one asset's candles, as they would be written."""
    # The budget is shared with what is running; its file is the only thing that is touched.
    budget = weight_budget(settings.machine.budget("hyperliquid"), share=settings.weight_share)
    client = HyperliquidClient(
        settings.hyperliquid_api_url, budget=budget, proxies=settings.proxies
    )
    with closing(client):
        click.echo(f"calling {settings.hyperliquid_api_url} …", err=True)
        universe = client.universe()
        now = SystemClock().now()
        registry = frames.assets(universe, now)
        live = [listing for listing in universe.listings if not listing.is_delisted]
        unlisted = sorted(set(settings.symbols) - {listing.symbol for listing in live})
        if unlisted:
            raise SettingError(f"MARKET_SYMBOLS names what is not listed: {', '.join(unlisted)}")
        print_rows("hyperliquid_assets", registry, limit)
        mids, rejected = client.mids()
        wanted = {one.symbol: mids[one.symbol] for one in live if one.symbol in mids}
        print_rows("hyperliquid_mid_prices", frames.mids(wanted, now), limit)
        for symbol in _to_show([listing.symbol for listing in live], settings):
            candles = client.candles(symbol, "1m", now - timedelta(minutes=limit), now)
            print_rows("hyperliquid_candles", frames.candles(candles, "rest", now), limit)
    print_rejected({**universe.rejected, **rejected})
    refuse_failures(universe.failures)


def _to_show(symbols: list[str], settings: Settings) -> list[str]:
    wanted = [symbol for symbol in settings.wanted_symbols if symbol in symbols]
    return (wanted or symbols)[:1]
