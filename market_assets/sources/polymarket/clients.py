"""Polymarket's three hosts as one thing to hand over: the catalogue, the trades, the books."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.data_api import DataClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.sources.polymarket.limits import polymarket_budgets

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.proxies import Proxies
    from market_assets.sources.retry import RetryPolicy


@dataclass(frozen=True)
class PolymarketUrls:
    """Where the three hosts are."""

    gamma: str
    data: str
    clob: str


@dataclass(frozen=True)
class PolymarketClients:
    """A client of each host; they are closed together."""

    gamma: GammaClient
    data: DataClient
    clob: ClobClient

    def close(self) -> None:
        """Close all connections, whatever becomes of one of them."""
        with ExitStack() as stack:
            for client in (self.gamma, self.data, self.clob):
                stack.callback(client.close)


def polymarket_clients(
    urls: PolymarketUrls,
    budgets: Path,
    *,
    user: str = "runs",
    concurrency: int = 4,
    retries: RetryPolicy | None = None,
    proxies: Proxies | None = None,
) -> PolymarketClients:
    """Clients within the request budgets that all processes share.

    Args:
        urls: where the hosts are.
        budgets: the folder of the budget files.
        user: on whose account: runs or backfill.
        concurrency: requests to a host at once, at most.
        retries: when to ask again, of all three hosts.
        proxies: which of them leads to a host; None: all are reached directly.
    """
    shared = polymarket_budgets(budgets)
    return PolymarketClients(
        gamma=GammaClient(
            urls.gamma,
            budget=shared.gamma,
            user=user,
            concurrency=concurrency,
            retries=retries,
            proxies=proxies,
        ),
        data=DataClient(
            urls.data,
            budget=shared.data,
            user=user,
            concurrency=concurrency,
            retries=retries,
            proxies=proxies,
        ),
        clob=ClobClient(
            urls.clob,
            budget=shared.clob,
            user=user,
            concurrency=concurrency,
            retries=retries,
            proxies=proxies,
        ),
    )
