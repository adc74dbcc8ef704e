"""DefiLlama's free routes as typed calls: one request each.

Two hosts, no key. There is no published limit for the free tier: requests are paid, one each, from
a budget that all processes share (200 a minute by default), `Retry-After` is obeyed, and fewer run
at once after a 429. The server refreshes its answers every 10 to 20 minutes.

How it says no: 400 with plain text for a protocol that it does not know; 429; 5xx, sometimes HTML.

Not here: retries (`sources/http.py`), shapes (`wire.py`, `series.py`), what to ask (`ingestion/`).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeVar
from urllib.parse import quote

from market_assets.clock import SystemClock
from market_assets.sources.concurrency import AdaptiveLimit, Outcomes, fetch_all
from market_assets.sources.decoding import decoded
from market_assets.sources.defillama import series, wire
from market_assets.sources.http import HttpTransport
from market_assets.sources.limits import WeightBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from pathlib import Path

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies
    from market_assets.sources.bodies import Body
    from market_assets.sources.defillama.model import (
        Chain,
        ChainStablecoins,
        Listed,
        Overview,
        Protocol,
        Series,
    )
    from market_assets.sources.retry import RetryPolicy
    from market_assets.sources.traffic import TransportStats

    Item = TypeVar("Item", bound=Hashable)

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

VENUE: Final = "defillama"
MAX_BODY: Final = 64_000_000
"""Bytes of a decompressed body: `/protocols` has tens of megabytes on some days."""
_PER_REQUEST: Final = 1

Dimension = Literal["fees", "dexs", "options", "open-interest"]
"""What an overview or a summary is about."""
_NO_BREAKDOWN: Final = {"excludeTotalDataChartBreakdown": "true"}
_NO_CHARTS: Final = {"excludeTotalDataChart": "true", **_NO_BREAKDOWN}


def request_budget(path: Path, *, per_minute: int, clock: Clock | None = None) -> WeightBudget:
    """The requests that all processes share; a request weighs one."""
    return WeightBudget(path, per_window=per_minute, reserves={}, clock=clock)


class DefiLlamaClient:
    """The free routes. Thread-safe: threads share connections, budget and counts."""

    def __init__(
        self,
        base_url: str,
        stablecoins_url: str,
        *,
        budget: WeightBudget | None = None,
        user: str = "runs",
        clock: Clock | None = None,
        timeout: float = 20.0,
        retries: RetryPolicy | None = None,
        proxies: Proxies | None = None,
        concurrency: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a client.

        Args:
            base_url: `https://api.llama.fi`, or another that speaks the same.
            stablecoins_url: `https://stablecoins.llama.fi`.
            budget: requests that all processes share; None: no limit.
            user: on whose account.
            clock: for which day is running.
            timeout: seconds for connecting, and for each pause in an answer.
            retries: when to ask again.
            proxies: which of them leads to the venue; None: it is reached directly.
            concurrency: requests at once, at most.
            sleep: how to wait between attempts.
        """
        self._clock = clock or SystemClock()
        self._limit = AdaptiveLimit(concurrency)
        self._api, self._stablecoins = (
            HttpTransport(
                url,
                VENUE,
                budget=budget,
                user=user,
                limit=self._limit,
                timeout=timeout,
                max_body=MAX_BODY,
                retry=retries,
                proxies=proxies,
                clock=self._clock,
                sleep=sleep,
            )
            for url in (base_url, stablecoins_url)
        )

    def protocols(self) -> Listed[Protocol]:
        """Every protocol, exchanges among them; of a family only the children.

        Raises:
            VenueError: it could not be had; the class says why. So for every method here.
        """
        body = self._api.get_large_json("/protocols", weight=_PER_REQUEST)
        return _told("/protocols", decoded(VENUE, "/protocols", body, wire.read_protocols))

    def chains(self) -> Listed[Chain]:
        """Every chain, with what is locked in it now."""
        return _told("/v2/chains", self._ask("/v2/chains", {}, wire.read_chains))

    def stablecoin_chains(self) -> Listed[ChainStablecoins]:
        """Stablecoins on each chain now, in dollars."""
        path = "/stablecoinchains"
        body = self._stablecoins.get_json(path, weight=_PER_REQUEST)
        return _told(path, decoded(VENUE, path, body, wire.read_stablecoin_chains))

    def overview(self, what: Dimension, data_type: str | None = None) -> Overview:
        """What every protocol turned over, without charts.

        Args:
            what: open interest is a stock: of its totals only `total_24h` means something.
            data_type: dailyFees, dailyRevenue, dailyNotionalVolume …; None: the server's choice.
        """
        path = f"/overview/{what}"
        answer = self._ask(path, {**_NO_CHARTS, **_typed(data_type)}, wire.read_overview)
        _told(path, answer.turnovers)
        return answer

    def chain_tvl(self, chain: str) -> Series:
        """Value locked in a chain, by day; the name is that of `/v2/chains`."""
        return self._series(f"/v2/historicalChainTvl/{_quoted(chain)}", {}, series.read_chain_tvl)

    def protocol_tvl(self, slug: str) -> Series:
        """Value locked in a protocol on all chains, by day; an answer may have 60 MB."""
        path = f"/protocol/{_quoted(slug)}"
        body = self._api.get_large_json(path, weight=_PER_REQUEST)
        return decoded(VENUE, path, body, self._dated(series.read_protocol_tvl))

    def chain_turnover(self, what: Dimension, chain: str, data_type: str | None = None) -> Series:
        """What the protocols on a chain turned over, by day; the name is one of `allChains`."""
        query = {**_NO_BREAKDOWN, **_typed(data_type)}
        return self._series(f"/overview/{what}/{_quoted(chain)}", query, series.read_chart)

    def protocol_turnover(self, what: Dimension, slug: str, data_type: str | None = None) -> Series:
        """What a protocol turned over, by day."""
        query = {**_NO_BREAKDOWN, **_typed(data_type)}
        return self._series(f"/summary/{what}/{_quoted(slug)}", query, series.read_chart)

    def chain_stablecoins(self, chain: str) -> Series:
        """Stablecoins on a chain, in dollars, by day; the name is that of `/stablecoinchains`."""
        path = f"/stablecoincharts/{_quoted(chain)}"
        body = self._stablecoins.get_json(path, weight=_PER_REQUEST)
        return decoded(VENUE, path, body, self._dated(series.read_stablecoins))

    def fetch_all(
        self, items: Iterable[Item], fetch: Callable[[Item], Series]
    ) -> Outcomes[Item, Series]:
        """Call one of the methods above for each item, as many at once as DefiLlama bears now."""
        return fetch_all(items, fetch, limit=self._limit)

    def stats(self) -> TransportStats:
        """Requests, retries, statuses and concurrency so far, of both hosts."""
        api, stablecoins = self._api.stats(), self._stablecoins.stats()
        return replace(
            api,
            requests=api.requests + stablecoins.requests,
            retries=api.retries + stablecoins.retries,
            by_status=Counter(api.by_status) + Counter(stablecoins.by_status),
            received_bytes=api.received_bytes + stablecoins.received_bytes,
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._stablecoins.close()

    def _series(self, path: str, query: Mapping[str, str], read: series.Reader) -> Series:
        return self._ask(path, query, self._dated(read))

    def _dated(self, read: series.Reader) -> Callable[[Body], Series]:
        return lambda body: read(body, self._clock.now().date())

    def _ask(self, path: str, query: Mapping[str, str], decode: Callable[[bytes], _T]) -> _T:
        return decoded(VENUE, path, self._api.get_json(path, query, weight=_PER_REQUEST), decode)


def _told(what: str, listed: Listed[_T]) -> Listed[_T]:
    """Say once per answer what was kept out of it."""
    left_out = {**listed.rejected, **listed.faults}
    if left_out:
        name, reason = next(iter(left_out.items()))
        _LOG.warning(
            "%s: %d rows and %d values make no sense, the first: %s: %s",
            what,
            len(listed.rejected),
            len(listed.faults),
            name[:100],
            reason[:200],
        )
    return listed


def _typed(data_type: str | None) -> dict[str, str]:
    return {} if data_type is None else {"dataType": data_type}


def _quoted(name: str) -> str:
    return quote(name, safe="")
