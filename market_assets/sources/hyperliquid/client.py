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
import threading
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from market_assets import clock as clocks
from market_assets.sources.errors import VenueError, VenueNonsense, VenueUnavailable
from market_assets.sources.http import HttpTransport, TransportStats
from market_assets.sources.hyperliquid import weights, wire
from market_assets.sources.hyperliquid.model import (
    DEXS,
    SPOT,
    Candle,
    Dex,
    Listing,
    Universe,
)
from market_assets.sources.hyperliquid.sanity import candle_fault, sound_mids
from market_assets.sources.hyperliquid.universe import perp_listings, spot_listings
from market_assets.sources.hyperliquid.weights import weight_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.limits import WeightBudget
    from market_assets.sources.retry import RetryPolicy

__all__ = ["Candle", "Dex", "HyperliquidClient", "Listing", "Universe", "weight_budget"]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

VENUE: Final = "hyperliquid"
_UNKNOWN_COIN: Final = (500, b"null")
"""How `candleSnapshot` says that there is no such coin; elsewhere a 500 is trouble and passes."""
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
    ) -> None:
        """Make a client.

        Args:
            base_url: `https://api.hyperliquid.xyz`, or another that speaks the same.
            budget: the weight that all processes share; None: no limit.
            user: on whose account: runs, stream or backfill.
            clock: for which candles are over.
            timeout: seconds for connecting, and for each pause in an answer.
            retries: when to ask again.
        """
        self._clock = clock or clocks.SystemClock()
        self._http = HttpTransport(
            base_url,
            VENUE,
            budget=budget,
            user=user,
            timeout=timeout,
            retry=retries,
            clock=self._clock,
        )
        self._rejected = 0
        self._samples: deque[str] = deque(maxlen=5)
        self._lock = threading.Lock()

    def dexs(self) -> list[Dex]:
        """Every dex, the exchange's own ('') first.

        Raises:
            VenueError: it could not be had; the class says why. So for every method here.
        """
        rows = self._ask({"type": "perpDexs"}, weights.INFO, wire.decode_dexs)
        self._note("perpDexs", [reason for _, reason in rows.faults])
        builders = [Dex(dex.name, dex.full_name) for dex in rows.items if dex and dex.name]
        return [Dex("", "Hyperliquid"), *builders]

    def universe(self) -> Universe:
        """All perps of all dexs and all spot pairs, as far as they could be read.

        Raises:
            VenueError: nothing at all could be read.
        """
        listings: list[Listing] = []
        failures: dict[str, str] = {}
        rejected: dict[str, str] = {}
        error: VenueError | None = None
        try:
            names = [dex.name for dex in self.dexs()]
        except VenueError as no_dexs:
            failures[DEXS] = str(no_dexs)
            names = [""]
        parts: list[tuple[str, Callable[[], tuple[list[Listing], dict[str, str]]]]] = [
            *((name, lambda name=name: self._perps(name)) for name in names),
            (SPOT, self._spot),
        ]
        for name, read in parts:
            try:
                listed, left_out = read()
            except VenueError as failure:
                _LOG.warning("assets of %r could not be read: %s", name, failure)
                failures[name] = str(failure)
                error = error or failure
                if DEXS in failures and name == "":
                    raise  # the venue is away: its other answers would only cost their time-outs
            else:
                listings += listed
                rejected |= left_out
        if not listings:
            raise error or VenueNonsense(VENUE, "it lists no asset at all")
        self._note("universe", [f"{name}: {reason}" for name, reason in rejected.items()])
        return Universe(tuple(listings), failures, rejected)

    def mids(self, dex: str = "") -> tuple[dict[str, float], dict[str, str]]:
        """Mid prices of a dex (with spot for ''), and the rejected ones with the reason.

        Delisted perps are among them, and outcome markets (`#…`): the registry says which count.
        """
        request = {"type": "allMids"} | ({"dex": dex} if dex else {})
        numbers, unreadable = self._ask(request, weights.ALL_MIDS, wire.decode_mids)
        mids, faults = sound_mids(numbers)
        rejected = {**unreadable, **faults}
        if not mids and (rejected or not dex):
            raise VenueNonsense(VENUE, f"allMids of dex {dex!r} holds no price")
        self._note("allMids", [f"{coin}: {reason}" for coin, reason in rejected.items()])
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

    def categories(self) -> list[tuple[str, str]]:
        """(symbol, category) in the words of those who deployed the builder dexs."""
        rows = self._ask({"type": "perpCategories"}, weights.INFO, wire.decode_categories)
        self._note("perpCategories", [reason for _, reason in rows.faults])
        pairs = [pair for pair in rows.items if pair]
        if rows.faults and not pairs:
            raise VenueNonsense(VENUE, f"perpCategories: {rows.faults[0][1]}")
        return pairs

    def stats(self) -> TransportStats:
        """Requests, retries and statuses so far."""
        return self._http.stats()

    @property
    def rejected(self) -> tuple[int, tuple[str, ...]]:
        """How many rows were dropped because they made no sense, and the last five of them."""
        with self._lock:
            return self._rejected, tuple(self._samples)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _perps(self, dex: str) -> tuple[list[Listing], dict[str, str]]:
        request = {"type": "metaAndAssetCtxs"} | ({"dex": dex} if dex else {})
        return perp_listings(dex, *self._ask(request, weights.INFO, wire.decode_perps))

    def _spot(self) -> tuple[list[Listing], dict[str, str]]:
        return spot_listings(
            *self._ask({"type": "spotMetaAndAssetCtxs"}, weights.INFO, wire.decode_spot)
        )

    def _candle_page(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> list[Candle]:
        """One request for `[start_ms, end_ms)`; `endTime` is inclusive on the wire."""
        length = clocks.interval_length(interval)
        expected = -(-(end_ms - start_ms) // (length // timedelta(milliseconds=1)))
        rows = self._ask(
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
        candles, faults = [], [reason for _, reason in rows.faults]
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
        self._note(f"candles of {symbol}", faults)
        return candles

    def _ask(self, request: Mapping[str, object], weight: int, decode: Callable[[bytes], _T]) -> _T:
        kind = request["type"]
        refusal = _UNKNOWN_COIN if kind == "candleSnapshot" else None
        body = self._http.post_json("/info", request, weight=weight, refusal=refusal)
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            raise VenueNonsense(VENUE, f"{kind}: {error}: {_excerpt(body)}") from error
        except msgspec.DecodeError as error:
            raise VenueUnavailable(VENUE, f"{kind}: cut or no JSON: {error}") from error

    def _note(self, what: str, faults: list[str]) -> None:
        """Count rows that were dropped, and say so once per answer."""
        if not faults:
            return
        _LOG.warning("%s: %d rows make no sense, the first: %s", what, len(faults), faults[0])
        with self._lock:
            self._rejected += len(faults)
            self._samples.extend(f"{what}: {fault}"[:300] for fault in faults[:5])


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


def _excerpt(body: bytes) -> str:
    return " ".join(body[:100].decode("utf-8", "replace").split())
