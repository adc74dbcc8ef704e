"""What `probe` does for each venue: the same client and the same frames as the assets, printed."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click
import polars as pl

from market_assets.clock import SystemClock
from market_assets.settings import SettingError
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.weights import weight_budget

if TYPE_CHECKING:
    from market_assets.settings import Settings


def probe_hyperliquid(settings: Settings, limit: int) -> None:
    """The registry, mids and one asset's candles, as they would be written."""
    # The budget is shared with what is running; its file is the only thing that is touched.
    budget = weight_budget(settings.state_dir / "hyperliquid.budget", share=settings.weight_share)
    client = HyperliquidClient(settings.hyperliquid_api_url, budget=budget)
    with closing(client):
        click.echo(f"calling {settings.hyperliquid_api_url} …", err=True)
        universe = client.universe()
        now = SystemClock().now()
        registry = frames.assets(universe, now)
        live = [listing for listing in universe.listings if not listing.is_delisted]
        unlisted = sorted(set(settings.symbols) - {listing.symbol for listing in live})
        if unlisted:
            raise SettingError(f"MARKET_SYMBOLS names what is not listed: {', '.join(unlisted)}")
        _print("hyperliquid_assets", registry, limit)
        mids, rejected = client.mids()
        wanted = {one.symbol: mids[one.symbol] for one in live if one.symbol in mids}
        _print("hyperliquid_mid_prices", frames.mids(wanted, now), limit)
        for symbol in _to_show([listing.symbol for listing in live], settings):
            candles = client.candles(symbol, "1m", now - timedelta(minutes=limit), now)
            _print("hyperliquid_candles", frames.candles(candles, "rest", now), limit)
    for what, why in {**universe.failures, **universe.rejected, **rejected}.items():
        click.echo(f"left out {what!r}: {why}", err=True)


PROBES: Final = {"hyperliquid": probe_hyperliquid}


def _to_show(symbols: list[str], settings: Settings) -> list[str]:
    wanted = [symbol for symbol in settings.wanted_symbols if symbol in symbols]
    return (wanted or symbols)[:1]


def _print(table: str, frame: pl.DataFrame, limit: int) -> None:
    with pl.Config(tbl_rows=limit, tbl_cols=-1, tbl_width_chars=200, tbl_hide_dataframe_shape=True):
        click.echo(f"\n{table}: {frame.height} rows\n{frame.head(limit)}")
