"""Polymarket as it was recorded: objects are served as they are, trades move to the present.

Trades keep their distances and their numbers; all of them move by the same whole number of days, so
that the newest lies within the last day. Everything else keeps its times, and books their hashes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from market_simulator.clock import to_ms
from market_simulator.polymarket.parameters import bad
from market_simulator.polymarket.recorded.books import RecordedBooks
from market_simulator.polymarket.recorded.files import KINDS, Recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.world import Selection, TradeQuery

_DAY_S: Final = 86_400
_ROUTES: Final = {
    "events": "/events…",
    "markets": "/markets…",
    "tags": "/tags",
    "sports": "/sports",
    "trades": "/trades",
    "books": "/book…, /price…, /midpoint…",
}


class RecordedWorld:
    """Everything from a folder; see `world.World`.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """

    def __init__(self, folder: Path, now_ms: int) -> None:
        self._recordings = Recordings(folder)
        found = self._recordings.found
        self._events = {int(name): event for name, event in found["events"].items()}
        self._markets = {int(row["id"]): row for row in found["markets"].values()}
        self._event_of = {
            str(market["conditionId"]): event
            for event in self._events.values()
            for market in event.get("markets") or ()
        }
        newest = max((row["timestamp"] for row in self._recordings.trades), default=0)
        days = max(0, (now_ms // 1000 - newest) // _DAY_S)
        self._trades = sorted(
            (
                row | {"timestamp": row["timestamp"] + days * _DAY_S}
                for row in self._recordings.trades
            ),
            key=lambda row: -row["timestamp"],
        )
        self.live = RecordedBooks(found["books"])
        self.notes: tuple[str, ...] = (
            f"Polymarket's recorded trades are moved by {days} days",
            f"no recording of Polymarket's {', '.join(missing(self._recordings))}",
        )

    def event_keys(self, wanted: Selection, now_ms: int) -> Sequence[int]:
        del now_ms
        return sorted(key for key, row in self._events.items() if _wanted(wanted, row))

    def event_bodies(
        self, keys: Sequence[int], now_ms: int, *, with_markets: bool = True
    ) -> list[Row]:
        del now_ms, with_markets
        return [self._events[key] for key in keys]

    def market_keys(self, wanted: Selection, after: int, now_ms: int) -> Iterator[int]:
        del now_ms
        for key in sorted(self._markets):
            if key > after and _wanted(wanted, self._markets[key]):
                yield key

    def market_bodies(self, keys: Sequence[int], now_ms: int) -> list[Row]:
        del now_ms
        return [self._alone(self._markets[key]) for key in keys]

    def _alone(self, market: Row) -> Row:
        event = self._event_of.get(str(market["conditionId"]), {})
        shown = {k: v for k, v in event.items() if k not in ("markets", "tags")}
        return {"tags": event.get("tags") or [], "events": [shown] if shown else [], **market}

    def tags(self) -> list[Row]:
        found = self._recordings.found["tags"].values()
        return sorted(found, key=lambda tag: int(tag["id"]))

    def sports(self) -> list[Row]:
        return list(self._recordings.found["sports"].values())

    def trades(self, query: TradeQuery, now_ms: int) -> list[Row]:
        tests: list[Callable[[Row], bool]] = [
            lambda row: row["timestamp"] <= now_ms // 1000,
            lambda row: row["size"] * row["price"] >= query.min_cash,
            lambda row: row["size"] >= query.min_size,
            lambda row: query.start_s is None or row["timestamp"] >= query.start_s,
            lambda row: query.end_s is None or row["timestamp"] <= query.end_s,
            lambda row: query.side in (None, row["side"]),
            lambda row: query.user in (None, row["proxyWallet"]),
            lambda row: query.conditions is None or row["conditionId"] in query.conditions,
            lambda row: query.events is None or self._in_event(row, query.events),
        ]
        found = [row for row in self._trades if all(test(row) for test in tests)]
        return found[query.offset : None if query.limit is None else query.offset + query.limit]

    def _in_event(self, trade: Row, events: frozenset[str]) -> bool:
        return str(self._event_of.get(trade["conditionId"], {}).get("id")) in events

    def interest(self, conditions: Iterable[str], now_ms: int) -> list[Row]:
        """Refused: none was ever recorded, and nothing is made up here."""
        del conditions, now_ms
        raise bad("internal server error", 500)

    def book(self, token: str, now_ms: int) -> Row | None:
        del now_ms
        return self._recordings.found["books"].get(token)

    def truth_of_markets(self, conditions: Sequence[str], now_ms: int) -> None:
        """Nobody knows."""
        del conditions, now_ms

    def change_tick(self, condition: str, tick: str, now_ms: int) -> int:
        """Refused: recordings stay as they are."""
        del condition, tick, now_ms
        raise ValueError("recordings do not change")

    def resolve(self, condition: str, now_ms: int) -> None:
        """Refused: recordings stay as they are."""
        del condition, now_ms
        raise ValueError("recordings do not change")


def missing(recordings: Recordings) -> tuple[str, ...]:
    """The paths for which the folder has no recording."""
    absent = [
        _ROUTES[kind]
        for kind in KINDS
        if not (recordings.trades if kind == "trades" else recordings.found[kind])
    ]
    return (*absent, "/oi")


def _wanted(wanted: Selection, row: Row) -> bool:
    if wanted.closed not in (None, bool(row.get("closed"))):
        return False
    if wanted.named and not (
        str(row["id"]) in wanted.ids
        or row["slug"] in wanted.slugs
        or row.get("conditionId") in wanted.conditions
        or any(token in str(row.get("clobTokenIds")) for token in wanted.tokens)
    ):
        return False
    if wanted.end_min_ms is None and wanted.end_max_ms is None:
        return True
    ends = to_ms(datetime.fromisoformat(row["endDate"]).astimezone(UTC))
    return (wanted.end_min_ms or 0) <= ends <= (wanted.end_max_ms or 1 << 60)
