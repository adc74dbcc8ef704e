"""A feed of trades that moves while it is read, and the stores that the tests read it into.

The feed is one list, newest first. It answers as the venue does, or as badly as a test wants; the
same object stands behind a real HTTP server in `http_feeds.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket.trade_feed import FAR
from market_assets.sources.errors import VenueRejected
from market_assets.sources.polymarket.model import Trade, TradePage
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import INGESTION_GAPS, INGESTION_RUNS, POLYMARKET_TRADES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import polars as pl

NOW = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def trade(seconds_ago: float, name: str = "a", **values: object) -> Trade:
    """A fill, so long before `NOW`."""
    given: dict[str, object] = {
        "transaction_hash": f"0x{name}",
        "wallet": "0xw",
        "condition_id": "0xc",
        "token_id": "1",
        "outcome": "Yes",
        "side": "BUY",
        "price": 0.5,
        "size": 4000.0,
        "traded_at": NOW - timedelta(seconds=seconds_ago),
    }
    return Trade(**(given | values))  # type: ignore[arg-type] - the fields are a test's


def trades(count: int, *, every: float = 1.0, first: float = 1.0, name: str = "t") -> list[Trade]:
    """Fills at equal distances, the first of them `first` seconds before `NOW`.

    Every seventh is followed by two more of its transaction, one of them like it in all.
    """
    made: list[Trade] = []
    for n in range(count):
        ago = float(int(first + n * every))
        made.append(trade(ago, f"{name}{n}"))
        if n % 7 == 0:
            made += [trade(ago, f"{name}{n}"), trade(ago, f"{name}{n}", size=2500.0)]
    return made[:count]


@dataclass
class MemoryFeed:
    """`DataClient.trades` of a list.

    Attributes:
        rows: the feed, newest first.
        before: called with the number of the request before it is answered; may change the feed
            or raise.
        bad: positions in an answer that cannot be decoded.
        includes_end: the end of a window belongs to it.
        most_rows: rows that an answer has at most, whatever is asked for.
        most_offset: beyond it the feed answers 400, or what `beyond` says.
        beyond: what an offset beyond that is taken for.
        asked: the requests so far.
    """

    rows: list[Trade] = field(default_factory=list)
    before: Callable[[int], None] = lambda _: None
    bad: frozenset[int] = frozenset()
    includes_end: bool = True
    most_rows: int = 10_000
    most_offset: int = 10_000
    beyond: Callable[[int], int] | None = None
    asked: list[dict[str, object]] = field(default_factory=list)

    def add(self, *new: Trade) -> None:
        """New trades, each where its time puts it, above those of the same second."""
        for one in new:
            at = sum(row.traded_at > one.traded_at for row in self.rows)
            self.rows.insert(at, one)

    def trades(
        self,
        *,
        limit: int,
        offset: int = 0,
        start: datetime | None = None,
        end: datetime | None = None,
        min_notional_usd: float | None = None,
    ) -> TradePage:
        self.asked.append({"limit": limit, "offset": offset, "start": start, "end": end})
        self.before(len(self.asked))
        assert 0 < limit <= 10_000
        if offset > self.most_offset:
            if self.beyond is None:
                raise VenueRejected("polymarket", "GET /trades: 400 max offset")
            offset = self.beyond(offset)
        shown = self.window(start, end, min_notional_usd or 0.0)
        return page(shown[offset : offset + min(limit, self.most_rows)], self.bad)

    def window(
        self, start: datetime | None, end: datetime | None, min_notional_usd: float
    ) -> list[Trade]:
        """What is in a window."""
        last = FAR if end is None else end if self.includes_end else end - SECOND
        first = start or datetime(1970, 1, 1, tzinfo=UTC)
        return [
            row
            for row in self.rows
            if first <= row.traded_at <= last and row.price * row.size >= min_notional_usd
        ]


def page(rows: list[Trade], bad: frozenset[int] = frozenset()) -> TradePage:
    """An answer of these rows, of which some make no sense."""
    good = tuple(row for at, row in enumerate(rows) if at not in bad)
    times = [row.traded_at for row in good]
    rejected = {f"trade [{at}]": "price 1.7" for at in sorted(bad) if at < len(rows)}
    return TradePage(good, len(rows), max(times, default=None), min(times, default=None), rejected)


def fills(rows: Iterable[Trade]) -> Counter[tuple[object, ...]]:
    """What fills there are, and how many alike."""
    return Counter(
        (t.transaction_hash, t.wallet, t.token_id, t.side, t.price, t.size, t.traded_at)
        for t in rows
    )


@dataclass
class Desk:
    """A store with the tables of trades, and a clock."""

    store: FileStore
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def run(self, channel: str = "trades") -> IngestionRun:
        """A new attempt, now."""
        return IngestionRun("polymarket", channel, POLYMARKET_TRADES.name, self.clock.now())

    def table(self) -> pl.DataFrame:
        """The stored trades."""
        return self.store.read("select * from polymarket_trades order by trade_key")

    def fills(self) -> Counter[tuple[object, ...]]:
        """The same, as `fills` counts them."""
        rows = self.store.read(
            "select transaction_hash, wallet, token_id, side, price, size, traded_at"
            " from polymarket_trades"
        )
        return Counter(rows.rows())

    def gaps(self, *, healed: bool = False) -> list[tuple[datetime, datetime, str]]:
        """Begin, end and cause of the gaps that are open, or of those that are healed."""
        return self.store.read(
            "select gap_from_at, gap_to_at, cause from ingestion_gaps"
            " where (healed_at is not null) = ? order by 1",
            (healed,),
        ).rows()


def desk(folder: Path) -> Desk:
    """An empty store."""
    tables = (POLYMARKET_TRADES, INGESTION_GAPS, INGESTION_RUNS)
    clock = ManualClock(NOW)
    return Desk(FileStore(folder / "market.duckdb", tables=tables, steps=(), clock=clock), clock)


def ago(seconds: float) -> datetime:
    """So long before `NOW`."""
    return NOW - timedelta(seconds=seconds)
