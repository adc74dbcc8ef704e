"""Hyperliquid's info endpoint as typed calls: one request each, or the few that belong together.

`POST <base>/info`, no key. Each request has a weight that the exchange counts per address and
minute (1200 in all); it is taken from the shared budget before the request is sent, with the rows
that the answer can have at most, because those weigh too.

How the exchange says no: 429 with body `null`; 422 for a malformed request; 500 with body `null`
for an unknown coin; 502 with HTML from its gateway. So the status is looked at before the body.

Not here: retries and budgets (`sources/http.py`, `sources/limits.py`), shapes (`wire.py`).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets import clock as clocks
from market_assets.sources.errors import VenueError, VenueNonsense
from market_assets.sources.http import HttpTransport
from market_assets.sources.hyperliquid import books, contexts, funding, weights, wire
from market_assets.sources.hyperliquid.endpoint import VENUE, InfoEndpoint
from market_assets.sources.hyperliquid.model import (
    DEXS,
    SPOT,
    AssetContexts,
    Candle,
    Dex,
    Listing,
    Universe,
)
from market_assets.sources.hyperliquid.quotes import ONLY_USDC, quotes_of
from market_assets.sources.hyperliquid.sanity import candle_fault, sound_mids
from market_assets.sources.hyperliquid.universe import perp_listings, spot_listings
from market_assets.sources.hyperliquid.weights import weight_budget

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies
    from market_assets.sources.hyperliquid.funding import FundingHistory
    from market_assets.sources.hyperliquid.market_wire import Book
    from market_assets.sources.limits import WeightBudget
    from market_assets.sources.retry import RetryPolicy
    from market_assets.sources.traffic import TransportStats

__all__ = ["Candle", "Dex", "HyperliquidClient", "Listing", "Universe", "weight_budget"]

_LOG = logging.getLogger(__name__)

_CLOSED_AFTER: Final = timedelta(seconds=1)
"""A candle's last trades are in it this long after its end (a frame came 0.16 s after it once)."""


class HyperliquidClient:
    """The info endpoint. Thread-safe: threads share connections, budget and counts."""

    def __init__(
        self,
        base_url: str,
        *,
        budget: WeightBudget | None = None,
        user: str = "runs",
        clock: Clock | None = None,
        timeout: float = 10.0,
        retries: RetryPolicy | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Make a client.

        Args:
            base_url: `https://api.hyperliquid.xyz`, or another that speaks the same.
            budget: the weight that all processes share; None: no limit.
            user: on whose account: runs, stream or backfill.
            clock: for which candles are over.
            timeout: seconds for connecting, and for each pause in an answer.
            retries: when to ask again.
            proxies: which of them leads to the venue; None: it is reached directly.
        """
        self._clock = clock or clocks.SystemClock()
        self._info = InfoEndpoint(
            HttpTransport(
                base_url,
                VENUE,
                budget=budget,
                user=user,
                timeout=timeout,
                retry=retries,
                proxies=proxies,
                clock=self._clock,
            )
        )

    def dexs(self) -> list[Dex]:
        """Every dex, the exchange's own ('') first.

        Raises:
            VenueError: it could not be had; the class says why. So for every method here.
        """
        rows = self._info.ask({"type": "perpDexs"}, weights.INFO, wire.decode_dexs)
        self._info.note("perpDexs", [fault.reason for fault in rows.faults])
        builders = [Dex(dex.name, dex.full_name) for dex in rows.items if dex and dex.name]
        return [Dex("", "Hyperliquid"), *builders]

    def universe(self) -> Universe:
        """All perps of all dexs and all spot pairs, as far as they could be read.

        Raises:
            VenueError: nothing at all could be read.
        """
        failures: dict[str, str] = {}
        error: VenueError | None = None
        try:
            names = [dex.name for dex in self.dexs()]
        except VenueError as no_dexs:
            failures[DEXS] = str(no_dexs)
            names = [""]
        perps: dict[str, wire.Perps] = {}
        spot: wire.Spot | None = None
        for name in (*names, SPOT):
            try:
                if name == SPOT:
                    request = {"type": "spotMetaAndAssetCtxs"}
                    spot = self._info.ask(request, weights.INFO, wire.decode_spot)
                else:
                    request = {"type": "metaAndAssetCtxs"} | ({"dex": name} if name else {})
                    perps[name] = self._info.ask(request, weights.INFO, wire.decode_perps)
            except VenueError as failure:
                _LOG.warning("assets of %r could not be read: %s", name, failure)
                failures[name] = str(failure)
                error = error or failure
                if DEXS in failures and name == "":
                    raise  # the venue is away: its other answers would only cost their time-outs
        # Only spot knows what the tokens are worth that the dexs are settled in.
        quotes = quotes_of(spot[0].items, spot[1].items, spot[2].items) if spot else ONLY_USDC
        parts = [perp_listings(name, *answer, quotes) for name, answer in perps.items()]
        if spot:
            parts.append(spot_listings(*spot))
        listings = [listing for listed, _ in parts for listing in listed]
        rejected = {name: why for _, left_out in parts for name, why in left_out.items()}
        if not listings:
            raise error or VenueNonsense(VENUE, "it lists no asset at all")
        self._info.note("universe", [f"{name}: {reason}" for name, reason in rejected.items()])
        return Universe(tuple(listings), failures, rejected, tuple(names))

    def mids(self, dex: str = "") -> tuple[dict[str, float], dict[str, str]]:
        """Mid prices of a dex (with spot for ''), and the rejected ones with the reason.

        Delisted perps are among them, and outcome markets (`#…`): the registry says which count.
        """
        request = {"type": "allMids"} | ({"dex": dex} if dex else {})
        numbers, unreadable = self._info.ask(request, weights.ALL_MIDS, wire.decode_mids)
        mids, faults = sound_mids(numbers)
        rejected = {**unreadable, **faults}
        if not mids and (rejected or not dex):
            raise VenueNonsense(VENUE, f"allMids of dex {dex!r} holds no price")
        self._info.note("allMids", [f"{coin}: {reason}" for coin, reason in rejected.items()])
        return mids, rejected

    def candles(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Candle]:
        """Candles that open in `[start, end)`, ascending; the one still forming may be the last.

        The exchange keeps the latest 5000 of an interval; what is older comes back as nothing.

        Raises:
            VenueRejected: it does not know the symbol.
            VenueNonsense: it answered, but with no single candle of that symbol and interval.
        """
        length = clocks.interval_length(interval)
        start_ms = max(0, clocks.to_ms(start))
        end_ms = min(clocks.to_ms(end), clocks.to_ms(self._clock.now() + length))
        step = length // timedelta(milliseconds=1)
        candles: dict[int, Candle] = {}
        page = clocks.floor_ms(start_ms, length) if start_ms < end_ms else end_ms
        while page < end_ms:
            page_end = min(page + weights.MAX_CANDLES * step, end_ms)
            for candle in self._candle_page(symbol, interval, page, page_end):
                if start_ms <= candle.open_ms < end_ms:
                    candles[candle.open_ms] = candle
            page = page_end
        return [candles[open_ms] for open_ms in sorted(candles)]

    def asset_contexts(self) -> AssetContexts:
        """Price, funding, open interest and volume now, of all perps of all dexs and of spot.

        Raises:
            VenueError: nothing at all could be read.
        """
        return contexts.read_contexts(self._info, self.dexs, self._clock)

    def funding_history(self, symbol: str, start: datetime, end: datetime) -> FundingHistory:
        """Payments of a perp in the hours that begin in `[start, end)`.

        Raises:
            VenueRejected: it does not know the symbol.
            VenueNonsense: it answered, but with no single payment that makes sense.
        """
        return funding.read_funding(self._info, symbol, start, min(end, self._clock.now()))

    def book(self, symbol: str, n_sig_figs: int | None = None) -> Book:
        """The best twenty levels of each side now.

        Args:
            symbol: whose book.
            n_sig_figs: 2 to 5: levels rounded outwards to so many significant figures, which
                reach further; None: every price on its own.

        Raises:
            VenueRejected: it does not know the symbol.
            VenueNonsense: a level that no book can have: depth without it would be wrong.
        """
        return books.read_book(self._info, symbol, n_sig_figs)

    def categories(self) -> list[tuple[str, str]]:
        """(symbol, category) in the words of those who deployed the builder dexs."""
        rows = self._info.ask({"type": "perpCategories"}, weights.INFO, wire.decode_categories)
        self._info.note("perpCategories", [fault.reason for fault in rows.faults])
        pairs = [pair for pair in rows.items if pair]
        if rows.faults and not pairs:
            raise VenueNonsense(VENUE, f"perpCategories: {rows.faults[0].reason}")
        return pairs

    def stats(self) -> TransportStats:
        """Requests, retries and statuses so far."""
        return self._info.http.stats()

    @property
    def rejected(self) -> tuple[int, tuple[str, ...]]:
        """How many rows were dropped because they made no sense, and the last five of them."""
        return self._info.rejected

    def close(self) -> None:
        """Close the connections."""
        self._info.http.close()

    def _candle_page(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> list[Candle]:
        """One request for `[start_ms, end_ms)`; `endTime` is inclusive on the wire."""
        length = clocks.interval_length(interval)
        expected = -(-(end_ms - start_ms) // (length // timedelta(milliseconds=1)))
        rows = self._info.ask(
            {
                "type": "candleSnapshot",
                "req": {
                    "coin": symbol,
                    "interval": interval,
                    "startTime": start_ms,
                    "endTime": end_ms - 1,
                },
            },
            weights.candles(expected),
            wire.decode_candles,
        )
        over = clocks.to_ms(self._clock.now() - length - _CLOSED_AFTER)
        candles, faults = [], [fault.reason for fault in rows.faults]
        for row in rows.items:
            if row is None:
                continue
            fault = candle_fault(row)
            if (row.symbol, row.interval) != (symbol, interval):
                fault = f"a candle of {row.symbol} {row.interval}"
            if fault is None:
                candles.append(_candle(row, is_closed=row.open_ms <= over))
            else:
                faults.append(f"{symbol} {interval} {row.open_ms}: {fault}")
        if faults and not candles:
            raise VenueNonsense(VENUE, f"no candle of {symbol} {interval} is sound: {faults[0]}")
        self._info.note(f"candles of {symbol}", faults)
        return candles


def _candle(row: wire.CandleUpdate, *, is_closed: bool) -> Candle:
    return Candle(
        row.symbol,
        row.interval,
        row.open_ms,
        row.open,
        row.high,
        row.low,
        row.close,
        row.volume,
        row.trades,
        is_closed,
    )
