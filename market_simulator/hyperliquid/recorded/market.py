"""The recorded market: answers as they were recorded, candles replayed at the present.

What has no recording is refused with 500 and the body null, as the exchange refuses what it cannot
answer, and named by `missing`: nothing is made up but the trade counts of candles and the
premiums of old funding rows, which the recordings lack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_simulator.clock import from_ms
from market_simulator.hyperliquid.bars import MINUTE_MS, Bar, Minute
from market_simulator.hyperliquid.info import TYPES
from market_simulator.hyperliquid.market import Json, Query, null_500
from market_simulator.hyperliquid.numbers import Scale, noisy
from market_simulator.hyperliquid.recorded import replay
from market_simulator.hyperliquid.recorded.files import (
    Recordings,
    candle_columns,
    funding_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_FUNDING_ROWS: Final = 500
_CLAMP: Final = 0.0005
_PINNED: Final = 0.0000125
_BY_COIN: Final = ("l2Book", "recentTrades", "perpAnnotation")


class RecordedMarket:
    """A `Market` from a folder of recordings.

    Attributes:
        notes: what a user must know to compare: how the candles were moved, and what was made up.
    """

    def __init__(self, recordings: Recordings, now_ms: int) -> None:
        self._recordings = recordings
        self._mids: dict[str, str] = recordings.body("allMids") or {}
        self._dexs = {dex["name"] for dex in recordings.body("perpDexs") or [] if dex}
        self._contexts = self._contexts_by_coin()
        self._tapes, self._moved_ms = self._moved(now_ms)
        self._coins = set(self._mids) | set(self._contexts) | set(self._tapes)
        self._funding = {
            coin: [(t + self._moved_ms, rate) for t, rate in funding_rows(path)]
            for coin, path in recordings.funding_files.items()
        }
        self.notes = self._notes(now_ms)
        self._answers: dict[str, Callable[[Query, int], Json]] = {
            "allMids": lambda q, now: self.mids(q.dex, now),
            "candleSnapshot": lambda q, now: self.candles(
                q.coin, q.interval, q.start_ms, now if q.end_ms is None else q.end_ms, now
            ),
            "fundingHistory": self._funding_history,
        }

    def preparations(self, now_ms: int) -> Iterable[Callable[[], object]]:
        del now_ms
        return ()

    def answer(self, query: Query, now_ms: int) -> Json:
        own = self._answers.get(query.type)
        if own is not None:
            found = own(query, now_ms)
        elif query.figures is not None:
            found = None
        else:
            scope = query.coin if query.type in _BY_COIN else query.dex
            found = self._recordings.body(query.type, scope)
        if found is None:
            raise null_500()
        return found

    def knows(self, coin: str) -> bool:
        return coin in self._coins

    def has_dex(self, dex: str) -> bool:
        return not dex or dex in self._dexs

    def scale(self, coin: str) -> Scale:
        del coin
        return replay.SCALE

    def minute(self, coin: str, minute: int) -> Minute:
        tape = self._tapes.get(coin)
        return tape.minute(minute) if tape else Minute([], [])

    def bar_so_far(self, coin: str, interval: str, minute: int) -> Bar | None:
        tape = self._tapes.get(coin)
        return tape.so_far(interval, minute) if tape else None

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[dict[str, str | int]]:
        """The recorded rows; none for a coin, or an interval, without recorded candles."""
        if coin not in self._coins:
            raise null_500()
        tape = self._tapes.get(coin)
        return tape.candles(interval, start_ms, end_ms, now_ms) if tape else []

    def trades(self, coin: str, after_ms: int, until_ms: int) -> list[dict[str, object]]:
        del coin, after_ms, until_ms
        return []

    def recent_trades(self, coin: str, now_ms: int, count: int) -> list[dict[str, object]]:
        del now_ms
        rows: list[dict[str, object]] = self._recordings.body("recentTrades", coin) or []
        return rows[-count:]

    def mids(self, dex: str, now_ms: int) -> dict[str, str] | None:
        """The recorded map; coins with recorded candles at the price that these are at."""
        if dex:
            found: dict[str, str] | None = self._recordings.body("allMids", dex)
            return found
        if not self._mids:
            return None
        moving = {coin: tape.price(now_ms) for coin, tape in self._tapes.items()}
        return self._mids | {
            coin: replay.SCALE.price(price) for coin, price in moving.items() if price
        }

    def book(
        self, coin: str, now_ms: int, *, levels: int, figures: int | None, mantissa: int | None
    ) -> dict[str, object] | None:
        del now_ms, mantissa
        found: dict[str, Any] | None = self._recordings.body("l2Book", coin)
        if found is None or figures is not None:
            return None
        return found | {"levels": [side[:levels] for side in found["levels"]]}

    def contexts(
        self, coins: Sequence[str], now_ms: int
    ) -> list[tuple[str, str, dict[str, object]]]:
        del now_ms
        found = ((coin, self._contexts.get(coin)) for coin in coins)
        return [
            (
                coin,
                "activeSpotAssetCtx" if "coin" in row else "activeAssetCtx",
                {"coin": coin, "ctx": row},
            )
            for coin, row in found
            if row is not None
        ]

    def all_contexts(self, now_ms: int) -> list[object] | None:
        del now_ms
        return None

    def _contexts_by_coin(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for dex in ("", *self._dexs):
            body = self._recordings.body("metaAndAssetCtxs", dex)
            if body:
                names = [asset["name"] for asset in body[0]["universe"]]
                found |= dict(zip(names, body[1], strict=False))
        spot = self._recordings.body("spotMetaAndAssetCtxs")
        if spot:
            found |= {row["coin"]: row for row in spot[1]}
        return found

    def _moved(self, now_ms: int) -> tuple[dict[str, replay.Tape], int]:
        """The candles of the newest recorded window, moved to the present."""
        files = self._recordings.candle_files
        windows = [file.window for file in files if file.interval == "1m"]
        if not windows:
            return {}, 0
        columns: dict[str, dict[str, Any]] = {}
        for file in files:
            coin = self._coin(file.name, file.kind)
            if file.window == max(windows) and coin:
                columns.setdefault(coin, {})[file.interval] = candle_columns(file.path)
        columns = {coin: tables for coin, tables in columns.items() if "1m" in tables}
        if not columns:
            return {}, 0
        first = max(int(tables["1m"]["t"][0]) for tables in columns.values())
        end = min(int(tables["1m"]["t"][-1]) for tables in columns.values()) + MINUTE_MS
        moved = replay.days_to_move(first, end, now_ms) * replay.DAY_MS
        return {coin: replay.Tape(coin, t, moved) for coin, t in columns.items()}, moved

    def _coin(self, name: str, kind: str) -> str | None:
        """The coin of a candle file: spot files carry the token, the exchange wants the pair."""
        if kind == "perp":
            return name
        spot = self._recordings.body("spotMeta") or {"tokens": [], "universe": []}
        tokens = {t["index"] for t in spot["tokens"] if t["name"] == name}
        pairs = (p["name"] for p in spot["universe"] if p["tokens"][0] in tokens)
        return next(pairs, None)

    def _funding_history(self, query: Query, now_ms: int) -> Json:
        end = now_ms if query.end_ms is None else min(query.end_ms, now_ms)
        if query.coin not in self._coins:
            raise null_500()
        rows = self._funding.get(query.coin)
        if rows is None:
            return None
        within = [row for row in rows if query.start_ms <= row[0] <= end][:_FUNDING_ROWS]
        return [
            {
                "coin": query.coin,
                "fundingRate": noisy(rate),
                "premium": noisy(implied_premium(rate)),
                "time": time,
            }
            for time, rate in within
        ]

    def _notes(self, now_ms: int) -> tuple[str, ...]:
        notes = []
        if self._tapes:
            was = from_ms(now_ms - self._moved_ms)
            ends = from_ms(min(tape.span[1] for tape in self._tapes.values()) * MINUTE_MS)
            days, coins = self._moved_ms // replay.DAY_MS, ", ".join(sorted(self._tapes))
            notes += [
                f"candles of {coins} are moved by {days} days",
                (
                    f"now is {was:%Y-%m-%d %H:%M} UTC in the recording, which runs until "
                    f"{ends:%Y-%m-%d %H:%M} UTC of today's time"
                ),
                "made up, as these recordings lack them: n of candles, premium of funding rows",
            ]
        return tuple(notes)


def implied_premium(rate: float) -> float:
    """The average premium from which the formula gives this hourly rate.

    Where the rate is pinned to the interest, many premiums would do, and 0 stands for them.
    """
    eight_hours = rate * 8
    if abs(rate - _PINNED) < 1e-12:  # noqa: PLR2004 - rounding
        return 0.0
    return eight_hours + _CLAMP if rate > _PINNED else eight_hours - _CLAMP


def missing(recordings: Recordings) -> tuple[str, ...]:
    """The requests and channels of the exchange for which the folder has no recording."""
    rows = {
        "candleSnapshot": any(file.interval == "1m" for file in recordings.candle_files),
        "fundingHistory": bool(recordings.funding_files),
    }
    absent = [
        f"POST /info {kind}"
        for kind in TYPES
        if not rows.get(kind, bool(recordings.scopes(kind)) or recordings.body(kind) is not None)
    ]
    dexs = [dex["name"] for dex in recordings.body("perpDexs") or [] if dex]
    for kind in ("meta", "metaAndAssetCtxs", "allMids"):
        absent += [
            f"POST /info {kind} dex={dex}" for dex in dexs if recordings.body(kind, dex) is None
        ]
    return (*absent, "WS trades, bbo and l2Book as they change", "WS allDexsAssetCtxs")
