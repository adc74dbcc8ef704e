"""A `MemoryFeed` behind a real HTTP server, with the faults of a bad day."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from market_assets.clock import from_s
from market_assets.sources.polymarket.data_api import DataClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from market_assets.sources.polymarket.model import Trade
    from market_assets_tests.ingestion.polymarket.feeds import MemoryFeed

BAD_ROWS = (
    {"price": 1.7},
    {"size": -5},
    {"timestamp": 0},
    {"side": "HOLD"},
    {"asset": ""},
    {"conditionId": None},
)
"""What the venue can get wrong in a row."""


@contextmanager
def served(
    feed: MemoryFeed,
    fault: Callable[[], Reply | None] = lambda: None,
    *,
    bad_rows: bool = False,
) -> Iterator[tuple[DataClient, Server]]:
    """A client of the feed, and the server between them.

    Args:
        feed: what is behind it.
        fault: asked before each answer for one to give instead.
        bad_rows: each answer holds rows that make no sense besides.
    """

    def answer(_: object) -> Reply:
        rows = _answer(feed, server.requests[-1][0])
        if bad_rows:
            for at, bad in enumerate(BAD_ROWS):
                rows.insert(2 * at, _row(feed.rows[at]) | bad)
        return fault() or Reply(body=rows)

    with serving() as server:
        server.default = answer
        client = DataClient(
            server.url, retries=RetryPolicy(busy_delay=0.0), sleep=lambda _: None, timeout=30
        )
        with closing(client):
            yield client, server


def _answer(feed: MemoryFeed, path: str) -> list[dict[str, Any]]:
    """The body of a good answer."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    assert asked["takerOnly"] == "true"
    assert ("filterType" in asked) == ("filterAmount" in asked)
    given = {
        name: from_s(float(asked[name])) if name in asked else None for name in ("start", "end")
    }
    page = feed.trades(
        limit=int(asked["limit"]),
        offset=int(asked["offset"]),
        min_notional_usd=float(asked.get("filterAmount", 0)),
        **given,
    )
    return [_row(trade) for trade in page.trades]


def _row(trade: Trade) -> dict[str, Any]:
    """As the venue prints it: numbers as integers where they are whole."""
    return {
        "proxyWallet": trade.wallet,
        "side": trade.side,
        "asset": trade.token_id,
        "conditionId": trade.condition_id,
        "size": int(trade.size) if trade.size == int(trade.size) else trade.size,
        "price": trade.price,
        "timestamp": int(trade.traded_at.timestamp()),
        "title": "Will it?",
        "outcome": trade.outcome,
        "outcomeIndex": 0,
        "transactionHash": trade.transaction_hash,
    }
