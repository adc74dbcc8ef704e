"""DefiLlama's answers in the venue's shapes, with made-up values, and a server that gives them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from market_assets.clock import ManualClock
from market_assets.sources.defillama.client import DefiLlamaClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
NO_ADAPTER = Reply(400, b"Protocol is not in our database", {"Content-Type": "text/plain"})


def stamp(day: date) -> int:
    """Seconds of a day's start."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def days_to(last: date, count: int) -> list[date]:
    """So many days that end with the last, ascending."""
    return [last - timedelta(days=ago) for ago in range(count - 1, -1, -1)]


def chain(name: str, tvl: object = 1e9, **changed: Any) -> dict[str, Any]:
    """A row of `/v2/chains`."""
    symbol = name[:3].upper()
    row = {"gecko_id": None, "tvl": tvl, "tokenSymbol": symbol, "cmcId": "1", "name": name}
    return {**row, "chainId": 1, **changed}


def protocol(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A row of `/protocols`."""
    return {
        "id": str(number),
        "name": f"Protocol {number}",
        "address": None,
        "symbol": "-",
        "url": "https://example.org",
        "description": "Text that nobody here reads",
        "chain": "Multi-Chain",
        "gecko_id": None,
        "cmcId": None,
        "category": "Lending",
        "chains": ["Ethereum", "Binance"],
        "oracles": [],
        "listedAt": 1668170565,
        "slug": f"protocol-{number}",
        "tvl": 300.0 * number,
        "chainTvls": {
            "Ethereum": 200.0 * number,
            "Binance": 100.0 * number,
            "Ethereum-borrowed": 1e6,
            "borrowed": 1e6,
            "staking": 5e5,
            "Binance-pool2": 4e5,
        },
        "change_1d": None,
        "mcap": None,
        **changed,
    }


def turnover(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A row of an overview's `protocols`."""
    return {
        "defillamaId": str(number),
        "name": f"Protocol {number}",
        "slug": f"protocol-{number}",
        "category": "Lending",
        "chains": ["Ethereum"],
        "protocolType": "protocol",
        "total24h": 11.0,
        "total48hto24h": 9.0,
        "total7d": 70.0,
        "total30d": 300.0,
        "change_1d": 22.2,
        **changed,
    }


def overview(*rows: dict[str, Any], chains: tuple[str, ...] = ("Ethereum",)) -> dict[str, Any]:
    """An overview of everything, without charts."""
    return {
        "totalDataChart": [],
        "totalDataChartBreakdown": [],
        "breakdown24h": None,
        "chain": None,
        "allChains": list(chains),
        "total24h": 1.0,
        "total7d": None,
        "protocols": list(rows),
    }


def charted(points: dict[date, Any], **changed: Any) -> dict[str, Any]:
    """A summary, or the overview of a chain, with its chart."""
    chart = [[stamp(day), value] for day, value in points.items()]
    return {"totalDataChart": chart, "totalDataChartBreakdown": [], "total24h": 99.0, **changed}


def locked(points: dict[date, Any], *, now: Any = None) -> dict[str, Any]:
    """`/protocol/{slug}`; `now` is the value of the last run, off the grid of days."""
    tvl = [{"date": stamp(day), "totalLiquidityUSD": usd} for day, usd in points.items()]
    if now is not None:
        tvl.append({"date": stamp(TODAY) + 43_955, "totalLiquidityUSD": now})
    tokens = [{"date": stamp(day), "tokens": {"USDC": 1.0}} for day in points]
    return {"id": "1", "tvl": tvl, "tokens": tokens, "tokensInUsd": None, "chainTvls": {}}


def chain_locked(points: dict[date, Any]) -> list[dict[str, Any]]:
    """`/v2/historicalChainTvl/{chain}`."""
    return [{"date": stamp(day), "tvl": usd} for day, usd in points.items()]


def pegged(points: dict[date, Any]) -> list[dict[str, Any]]:
    """`/stablecoincharts/{chain}`; a value is an object by peg, or one number for the dollar."""
    return [
        {
            "date": str(stamp(day)),
            "totalCirculating": {"peggedUSD": 1.0, "peggedEUR": 5.0},
            "totalCirculatingUSD": usd if isinstance(usd, dict) else {"peggedUSD": usd},
            "totalMintedUSD": {"peggedUSD": 1e12},
        }
        for day, usd in points.items()
    ]


class Llama:
    """A server with some of the routes; what it does not have is 400 with plain text.

    Attributes:
        routes: answers by path, with `?dataType` where the request has one.
        server: where it is, and what it was asked.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.routes: dict[str, Any] = {}
        server.route = self._answer

    def asked(self) -> list[str]:
        """Paths in order of arrival, with `?dataType` where there is one."""
        return [_path(target) for target, _ in self.server.requests]

    def client(self, *, clock: ManualClock | None = None, **more: Any) -> DefiLlamaClient:
        """A client of it that does not wait between attempts."""
        options = {"retries": RetryPolicy(attempts=2), "sleep": lambda _: None, **more}
        url = self.server.url
        return DefiLlamaClient(url, url, clock=clock or ManualClock(NOW), **options)

    def _answer(self, target: str, _body: object) -> Reply:
        found = self.routes.get(_path(target), NO_ADAPTER)
        return found if isinstance(found, Reply) else Reply(body=found)


@contextmanager
def llama() -> Iterator[Llama]:
    """A server without routes, for the time of a test."""
    with serving() as server:
        yield Llama(server)


def _path(target: str) -> str:
    parts = urlsplit(target)
    data_type = parse_qs(parts.query).get("dataType")
    return unquote(parts.path) + (f"?{data_type[0]}" if data_type else "")
