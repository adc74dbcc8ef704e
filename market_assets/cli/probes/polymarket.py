"""`probe polymarket`: the first events and their markets, prices, open interest and trades."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from market_assets.cli.probes.printing import print_rejected, print_rows
from market_assets.clock import SystemClock
from market_assets.ingestion.polymarket.asset_markets import prices
from market_assets.ingestion.polymarket.trade_keys import keyed
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.clients import PolymarketUrls, polymarket_clients

if TYPE_CHECKING:
    from market_assets.settings import Settings

_LATELY = timedelta(hours=1)


def probe(settings: Settings, limit: int) -> None:
    """One page of open events, and what hangs on its first markets, as they would be written."""
    urls = PolymarketUrls(
        settings.polymarket_gamma_url, settings.polymarket_data_url, settings.polymarket_clob_url
    )
    # The budgets are shared with what is running; their files are the only thing that is touched.
    clients = polymarket_clients(urls, settings.machine.folder, proxies=settings.proxies)
    with closing(clients):
        click.echo(f"calling {urls.gamma}, {urls.data}, {urls.clob} …", err=True)
        page = next(iter(clients.gamma.event_pages(active=True, closed=False, page_size=limit)))
        now = SystemClock().now()
        markets = [market for event in page.events for market in event.markets][:limit]
        print_rows("polymarket_events", frames.events(page.events, now), limit)
        print_rows("polymarket_markets", frames.markets(markets, now), limit)
        first_tokens = [market.token_ids[0] for market in markets if market.token_ids]
        books = clients.clob.books(first_tokens)
        priced = prices(markets, books.books, SystemClock().now(), gamma_at=now)
        print_rows("prices of these markets", priced, limit)
        held = clients.data.open_interest([market.condition_id for market in markets])
        for condition_id, usd in held.values.items():
            click.echo(f"open interest of {condition_id}: {usd:,.0f} USD")
        trades = clients.data.trades(
            limit=limit,
            start=now - _LATELY,
            min_notional_usd=settings.polymarket.trades_min_usd or None,
        )
        print_rows("polymarket_trades", frames.trades(keyed(trades.trades), now), limit)
    print_rejected({**page.rejected, **books.rejected, **held.rejected, **trades.rejected})
