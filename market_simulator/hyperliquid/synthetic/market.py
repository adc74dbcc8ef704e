"""The synthetic market: every answer and frame from the price paths, tapes and books of a seed.

It keeps sums that are costly to make again, and no history: two markets with one seed and one
listing say the same of the same instant.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid.bars import (
    INTERVALS,
    KEPT_ROWS,
    MINUTE_MS,
    Bar,
    Minute,
    bucket_minute,
)
from market_simulator.hyperliquid.market import Json, Query, null_500
from market_simulator.hyperliquid.synthetic import (
    book,
    candles,
    contexts,
    funding,
    metadata,
    prices,
    tape,
)
from market_simulator.hyperliquid.synthetic.volumes import DayVolumes
from market_simulator.randomness import key_of, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from market_simulator.hyperliquid.numbers import Scale
    from market_simulator.hyperliquid.synthetic.assets import Asset
    from market_simulator.hyperliquid.synthetic.universe import Universe

FUNDING_ROWS: Final = 500
RECENT_TRADES: Final = 10
_TRADE_SEARCH: Final = (2, 30, 480, 7_680, 122_880)
_OUTCOMES: Final = (10, 20, 30)
_QUANTUM: Final = 0.0001


class SyntheticMarket:
    """A `Market` made up from a seed."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self._volumes = DayVolumes()
        self._contexts = contexts.Contexts(self._volumes)
        self._columns: dict[str, tuple[int, list[Asset], prices.Columns]] = {}
        self._answers: dict[str, Callable[[Query, int], Json]] = {
            "meta": lambda q, _: metadata.meta(universe, self._dex(q)),
            "metaAndAssetCtxs": self._meta_and_contexts,
            "spotMeta": lambda _q, _: metadata.spot_meta(universe),
            "spotMetaAndAssetCtxs": self._spot_and_contexts,
            "allMids": lambda q, now: self.mids(self._dex(q), now),
            "candleSnapshot": lambda q, now: self.candles(
                q.coin, q.interval, q.start_ms, now if q.end_ms is None else q.end_ms, now
            ),
            "fundingHistory": self._funding_history,
            "predictedFundings": lambda _q, now: self._predicted(now),
            "l2Book": lambda q, now: self.book(
                q.coin, now, levels=book.LEVELS, figures=q.figures, mantissa=q.mantissa
            ),
            "recentTrades": lambda q, now: self.recent_trades(
                self._asset(q.coin).coin, now, RECENT_TRADES
            ),
            "perpDexs": lambda _q, _: metadata.perp_dexs(universe),
            "allPerpMetas": lambda _q, _: [
                metadata.meta(universe, dex) for dex in ("", *(d.name for d in universe.dexs))
            ],
            "perpCategories": lambda _q, _: metadata.categories(universe),
            "perpAnnotation": lambda q, _: metadata.annotation(self._asset(q.coin)),
            "perpConciseAnnotations": lambda _q, _: metadata.concise_annotations(universe),
            "perpDexLimits": lambda q, _: metadata.dex_limits(universe, self._builder(q)),
            "perpDexStatus": lambda q, now: self._dex_status(self._builder(q), now),
            "perpsAtOpenInterestCap": lambda q, _: [
                a.coin for a in universe.perps(self._dex(q)) if a.key % 97 == 0 and not a.delisted
            ],
            "exchangeStatus": lambda _q, now: {"specialStatuses": None, "time": now},
        }

    def preparations(self, now_ms: int) -> Iterable[Callable[[], object]]:
        """The volumes of the last day, asset by asset: about 2 s of work in all at full size."""
        return [
            functools.partial(self._volumes.of, asset, now_ms) for asset in self.universe.listed()
        ]

    def answer(self, query: Query, now_ms: int) -> Json:
        return self._answers[query.type](query, now_ms)

    def knows(self, coin: str) -> bool:
        return self.universe.find(coin) is not None

    def has_dex(self, dex: str) -> bool:
        return self.universe.has_dex(dex)

    def scale(self, coin: str) -> Scale:
        return self.universe.assets[coin].scale

    def minute(self, coin: str, minute: int) -> Minute:
        return tape.minute(self.universe.assets[coin], minute)

    def bar_so_far(self, coin: str, interval: str, minute: int) -> Bar | None:
        first = bucket_minute(minute, interval)
        asset = self.universe.assets[coin]
        bars = tape.traded_minutes(asset, first, minute, minute * MINUTE_MS - 1)
        whole = tape.rolled_up(bars, INTERVALS[interval])
        return Bar(*(int(column[0]) for column in whole[1:])) if whole.minute.size else None

    def trades(self, coin: str, after_ms: int, until_ms: int) -> list[dict[str, object]]:
        asset = self.universe.assets[coin]
        first, end = (after_ms + 1) // MINUTE_MS, until_ms // MINUTE_MS + 1
        found = tape.blocks(asset, first, end, until_ms)
        keep = found.t_ms > after_ms
        return tape.fills(asset, tape.Blocks(*(column[keep] for column in found)))

    def recent_trades(self, coin: str, now_ms: int, count: int) -> list[dict[str, object]]:
        asset = self.universe.assets[coin]
        newest = asset.last_traded_ms(now_ms)
        rows: list[dict[str, object]] = []
        for minutes in _TRADE_SEARCH:
            end = newest // MINUTE_MS + 1
            found = tape.blocks(asset, end - minutes, end, newest)
            rows = tape.fills(asset, tape.Blocks(*(column[-count:] for column in found)))
            if len(rows) >= count:
                break
        return rows[-count:]

    def mids(self, dex: str, now_ms: int) -> dict[str, str]:
        assets, columns = self._of_dex(dex)
        if not assets:
            return {}
        at = contexts.last_quoted(assets, now_ms)
        bids, asks = book.quotes(columns, at)
        both = zip(assets, bids.tolist(), asks.tolist(), strict=True)
        rows = {asset.coin: contexts.mid(asset, bid, ask) for asset, bid, ask in both}
        if not dex:
            rows |= _outcome_mids(self.universe.seed, now_ms)
        return dict(sorted(rows.items()))

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[dict[str, str | int]]:
        """`candleSnapshot`: the newest 5,000 rows at most, the forming one included."""
        length = INTERVALS[interval]
        asset = self._asset(coin)
        newest = bucket_minute(now_ms // MINUTE_MS, interval)
        first = bucket_minute(max(start_ms, asset.born_ms) // MINUTE_MS, interval)
        first = max(first, newest - (KEPT_ROWS - 1) * length)
        last_ms = min(end_ms, now_ms, asset.last_traded_ms(now_ms) if asset.delisted else now_ms)
        last = bucket_minute(last_ms // MINUTE_MS, interval)
        return candles.rows(asset, interval, first, last, now_ms)

    def book(
        self, coin: str, now_ms: int, *, levels: int, figures: int | None, mantissa: int | None
    ) -> dict[str, object] | None:
        asset = self.universe.find(coin)
        if asset is None:
            return None
        sides: list[list[dict[str, object]]] = [[], []]
        if asset.trades_at(now_ms):
            found = book.books(prices.Columns.of([asset]), np.array([now_ms]), levels)
            for i, side in enumerate(found):
                shown = (
                    book.aggregated(side, figures, mantissa or 1, up=bool(i)) if figures else side
                )
                sides[i] = [
                    {"px": asset.scale.price(px), "sz": asset.scale.size(lots), "n": orders}
                    for px, lots, orders in zip(*(c[0].tolist() for c in shown), strict=True)
                ]
        return {"coin": coin, "time": now_ms, "levels": sides}

    def contexts(
        self, coins: Sequence[str], now_ms: int
    ) -> list[tuple[str, str, dict[str, object]]]:
        assets = [self.universe.assets[coin] for coin in coins]
        perps = [a for a in assets if a.kind == "perp"]
        spots = [a for a in assets if a.kind == "spot"]
        frames: list[tuple[str, str, dict[str, object]]] = []
        for asset, row in zip(perps, self._contexts.perps(perps, now_ms), strict=True):
            frames.append((asset.coin, "activeAssetCtx", {"coin": asset.coin, "ctx": row}))
        for asset, row in zip(spots, self._contexts.spots(spots, now_ms), strict=True):
            frames.append((asset.coin, "activeSpotAssetCtx", {"coin": asset.coin, "ctx": row}))
        return frames

    def all_contexts(self, now_ms: int) -> list[object] | None:
        dexs = ("", *(d.name for d in self.universe.dexs))
        return [[dex, self._contexts.perps(self.universe.perps(dex), now_ms)] for dex in dexs]

    def _asset(self, coin: str) -> Asset:
        asset = self.universe.find(coin)
        if asset is None:
            raise null_500()
        return asset

    def _dex(self, query: Query) -> str:
        if not self.universe.has_dex(query.dex):
            raise null_500()
        return query.dex

    def _builder(self, query: Query) -> str:
        if not query.dex:
            raise null_500()
        return self._dex(query)

    def _of_dex(self, dex: str) -> tuple[Sequence[Asset], prices.Columns]:
        """The assets whose mids a dex shows, with their columns; kept until a listing changes."""
        known = self._columns.get(dex)
        if known is None or known[0] != self.universe.version:
            assets = self.universe.perps(dex) + ([] if dex else self.universe.spots())
            known = self._columns[dex] = (
                self.universe.version,
                assets,
                prices.Columns.of(assets),
            )
        return known[1], known[2]

    def _meta_and_contexts(self, query: Query, now_ms: int) -> Json:
        dex = self._dex(query)
        rows = self._contexts.perps(self.universe.perps(dex), now_ms)
        return [metadata.meta(self.universe, dex), rows]

    def _spot_and_contexts(self, _query: Query, now_ms: int) -> Json:
        """Contexts in another order than the pairs, and with some that no pair has."""
        rows = self._contexts.spots(self.universe.spots(), now_ms)
        extra = [dict(row, coin=f"@{1000 + i}", midPx=None) for i, row in enumerate(rows[:11])]
        ordered = sorted(rows, key=lambda row: key_of(row["coin"]) % 7 == 0)
        return [metadata.spot_meta(self.universe), ordered + extra]

    def _funding_history(self, query: Query, now_ms: int) -> Json:
        asset = self._asset(query.coin)
        end = now_ms if query.end_ms is None else min(query.end_ms, now_ms)
        if asset.kind == "spot":
            return []
        return [
            {
                "coin": asset.coin,
                "fundingRate": _number(rate),
                "premium": _number(premium),
                "time": time,
            }
            for time, rate, premium in funding.history(asset, query.start_ms, end, FUNDING_ROWS)
        ]

    def _predicted(self, now_ms: int) -> Json:
        live = [a for a in self.universe.perps("") if a.trades_at(now_ms)]
        rows = self._contexts.perps(live, now_ms)
        hour = funding.HOUR_MS
        following = now_ms - now_ms % hour + hour
        return [
            [asset.coin, _venues(asset, str(row["funding"]), following)]
            for asset, row in zip(live, rows, strict=True)
        ]

    def _dex_status(self, dex: str, now_ms: int) -> Json:
        total = 1e6 + 5e7 * unit(key_of(self.universe.seed, dex), now_ms // funding.HOUR_MS)
        return {"totalNetDeposit": f"{total:.10f}"}


def _venues(asset: Asset, own: str, following: int) -> list[list[object]]:
    eight = 8 * funding.HOUR_MS
    away = {
        "fundingRate": _number(float(own) * 8 * (0.8 + 0.4 * unit(asset.key, 3))),
        "nextFundingTime": following + (-following) % eight,
        "fundingIntervalHours": 8,
    }
    return [
        ["BinPerp", None if asset.key % 5 == 0 else away],
        [
            "HlPerp",
            {"fundingRate": own, "nextFundingTime": following, "fundingIntervalHours": 1},
        ],
        ["BybitPerp", None if asset.key % 7 == 0 else away],
    ]


def _outcome_mids(seed: int, now_ms: int) -> dict[str, str]:
    """The outcome markets that `allMids` lists too: both sides of each add up to one."""
    at = np.array([now_ms])
    mids: dict[str, str] = {}
    for outcome in _OUTCOMES:
        key = np.array([key_of(seed, "outcome", outcome)], dtype=np.uint64)
        yes = round(0.5 + 0.45 * float(prices.wander(key, 0, at, 6 * funding.HOUR_MS)[0]), 4)
        yes = max(yes, _QUANTUM)
        mids |= {f"#{outcome}": repr(yes), f"#{outcome + 1}": repr(round(1 - yes, 4))}
    return mids


def _number(value: float) -> str:
    text = f"{value:.10f}".rstrip("0")
    return "0.0" if text in ("0.", "-0.") else text + ("0" if text.endswith(".") else "")
