"""Made-up markets for the tests of the conflation: trades, the frames they cause, the true candles.

Its arithmetic is its own: a candle here is folded from trades, never from frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import strategies as st

from market_assets.clock import ManualClock, to_ms
from market_assets.sources.hyperliquid.feed import CandleUpdate
from market_assets.streams.candles.candle_book import CandleBook, Hole
from market_assets.streams.core.venue_clock import VenueClock

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START_MS = to_ms(START)
MINUTE_MS = 60_000
Row = tuple[float, float, float, float, float, int, bool]


@dataclass(frozen=True)
class Trade:
    """A trade `at` seconds after the start."""

    symbol: str
    at: float
    price: float
    size: float


def update(symbol: str, minute: int, price: float, trades: int, **changes: float) -> CandleUpdate:
    """A frame of a minute (counted from the start) whose four prices are equal."""
    return CandleUpdate(
        symbol=symbol,
        interval="1m",
        open_ms=START_MS + minute * MINUTE_MS,
        open=changes.get("open", price),
        high=changes.get("high", price),
        low=changes.get("low", price),
        close=price,
        volume=changes.get("volume", float(trades)),
        trades=trades,
    )


def frames(trades: list[Trade]) -> list[tuple[float, CandleUpdate]]:
    """(time, frame) of each trade: the state of its candle just after it."""
    told = []
    for index, trade in enumerate(trades):
        minute = int(trade.at // 60)
        so_far = [
            t for t in trades[: index + 1] if t.symbol == trade.symbol and int(t.at // 60) == minute
        ]
        told.append((trade.at, _candle(trade.symbol, minute, so_far)))
    return told


def truth(trades: list[Trade], seeds: dict[str, float], minutes: int) -> dict[tuple[str, int], Row]:
    """The closed candles of minutes 0 to `minutes`, exclusive, by (symbol, minute)."""
    rows: dict[tuple[str, int], Row] = {}
    for symbol, seed in seeds.items():
        close = seed
        for minute in range(minutes):
            made = [t for t in trades if t.symbol == symbol and int(t.at // 60) == minute]
            if made:
                c = _candle(symbol, minute, made)
                close = c.close
                row = (c.open, c.high, c.low, c.close, c.volume, c.trades, True)
            else:
                row = (close, close, close, close, 0.0, 0, True)
            rows[symbol, minute] = row
    return rows


def _candle(symbol: str, minute: int, made: list[Trade]) -> CandleUpdate:
    prices = [t.price for t in made]
    return CandleUpdate(
        symbol=symbol,
        interval="1m",
        open_ms=START_MS + minute * MINUTE_MS,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum(t.size for t in made),
        trades=len(made),
    )


@dataclass
class Desk:
    """A book with a clock that the test moves, and a table that its rows are merged into."""

    wall: ManualClock = field(default_factory=lambda: ManualClock(START, 1000.0))
    table: dict[tuple[str, int], tuple[tuple[int, bool, datetime], Row]] = field(
        default_factory=dict
    )
    holes: list[Hole] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = VenueClock(self.wall)
        self.clock.quorum = 1
        self.book = CandleBook(self.clock)

    def begin(self, seeds: dict[str, float]) -> None:
        """Keep and cover these symbols, a minute before the start, with known closes."""
        self.wall.advance(-60)
        self.book = CandleBook(self.clock)
        self.book.keep(seeds, "fresh")
        self.book.covered(seeds)
        self.wall.advance(50)
        self.clock.tick()
        for symbol, close in seeds.items():
            self.book.seed(symbol, START_MS - MINUTE_MS, close)
        self.wall.advance(10)

    def hear(self, frame: CandleUpdate) -> None:
        """A frame comes, if the clock finds it believable."""
        if self.clock.witness(frame.symbol, frame.open_ms):
            self.book.add(frame, self.wall.monotonic())

    def flush(self) -> None:
        """Judge what is over and merge the rows, as the database does: the newer version wins."""
        self.clock.tick()
        self.holes += [hole for hole in self.book.conclude() if hole.start_ms >= START_MS]
        for row in self.book.take().frame.iter_rows(named=True):
            key = (row["symbol"], (to_ms(row["open_at"]) - START_MS) // MINUTE_MS)
            version = (row["trades"], row["is_closed"], row["ingested_at"])
            values = tuple(
                row[c] for c in ("open", "high", "low", "close", "volume", "trades", "is_closed")
            )
            if key not in self.table or version > self.table[key][0]:
                self.table[key] = (version, values)

    def run(self, until: float, deliveries: list[tuple[float, CandleUpdate]]) -> None:
        """Deliver each frame at its time (seconds after the start), flushing each 5 s."""
        waiting = sorted(deliveries, key=lambda d: d[0])
        elapsed = 0.0
        while elapsed < until:
            step = min(5.0, waiting[0][0] - elapsed) if waiting else 5.0
            if step > 0:
                self.wall.advance(step)
                elapsed += step
            if waiting and waiting[0][0] <= elapsed:
                self.hear(waiting.pop(0)[1])
            else:
                self.flush()

    def rows(self, minutes: int) -> dict[tuple[str, int], Row]:
        """What the table holds of minutes 0 to `minutes`, exclusive."""
        return {key: row for key, (_, row) in self.table.items() if 0 <= key[1] < minutes}


SEEDS = {"BTC": 100.0, "ETH": 10.0}
MINUTES = 4


@st.composite
def markets(draw: st.DrawFn) -> list[Trade]:
    """Up to 30 trades of two symbols over four minutes, in the order of their times."""
    trades = draw(
        st.lists(
            st.builds(
                Trade,
                st.sampled_from(sorted(SEEDS)),
                st.integers(0, MINUTES * 60 * 10 - 1).map(lambda tenths: tenths / 10),
                st.integers(1, 50).map(float),
                st.integers(1, 8).map(float),
            ),
            max_size=30,
        )
    )
    return sorted(trades, key=lambda trade: trade.at)


@st.composite
def deliveries(draw: st.DrawFn, trades: list[Trade]) -> list[tuple[float, CandleUpdate]]:
    """Each frame late by 0 to 100 s, so out of order, and up to three times."""
    delivered = []
    for at, frame in frames(trades):
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            late = draw(st.sampled_from([0.0, 0.1, 0.5, 3.0, 20.0, 61.0, 100.0]))
            delivered.append((at + late, frame))
    return delivered
