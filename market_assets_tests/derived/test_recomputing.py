"""Computing again never makes a stored row worse, whatever has been lost or pruned meanwhile.

Two assets of two dexs over some days: each can be silent for minutes or days, candles of a silence
can be healed later, old rows are pruned, runs come at any time, twice, or late.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from market_assets import tables
from market_assets.clock import ManualClock
from market_assets.derived.inputs import FeatureInputs, InputsMissing
from market_assets.features.funding import funding_pressure
from market_assets.features.indicators import technical_indicators
from market_assets.features.liquidity import liquidity_profiles
from market_assets.features.positioning import positioning_pressure
from market_assets.features.volatility import volatility_profiles
from market_assets.storage.files.store import FileStore
from market_assets_tests.features.rows import NOW, book, candles, context, contexts, rates

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SYMBOLS: Final = ("BTC", "xyz:TSLA")
BEGIN: Final = NOW - 26 * HOUR
END: Final = NOW + 30 * HOUR
DERIVED: Final = tuple(
    spec for spec in tables.TABLES if spec.derived and spec.name.startswith("hyperliquid")
)
INPUTS: Final = (
    tables.HYPERLIQUID_CANDLES,
    tables.HYPERLIQUID_ASSET_CONTEXTS,
    tables.HYPERLIQUID_FUNDING_RATES,
)


def _history(symbol: str) -> dict[str, pl.DataFrame]:
    """All that would ever be stored of a symbol without an outage."""
    minutes, hours = (END - BEGIN) // MINUTE, (END - BEGIN) // HOUR + 24 * 8
    prices = [100.0 + (n * 37 % 101) / 50 for n in range(minutes + 1)]
    bars = [(a, max(a, b) + 0.1, min(a, b) - 0.1, b) for a, b in itertools.pairwise(prices)]
    seen = range(0, minutes, 5)
    return {
        "hyperliquid_candles": candles(bars, symbol=symbol, start=BEGIN),
        "hyperliquid_asset_contexts": contexts(
            *(
                context(
                    symbol,
                    at=BEGIN + n * MINUTE,
                    mid_px=100.0,
                    mark_px=prices[n],
                    open_interest=1000.0 + n % 97,
                    premium=(n % 13 - 6) * 1e-4,
                )
                for n in seen
            )
        ),
        "hyperliquid_funding_rates": rates(
            [1e-5 * (n % 7) for n in range(hours)],
            premiums=[(n % 11 - 5) * 1e-4 for n in range(hours)],
            symbol=symbol,
            until=END,
        ),
    }


HISTORY: Final = {
    spec.name: pl.concat([_history(symbol)[spec.name] for symbol in SYMBOLS]).sort(spec.time_column)
    for spec in INPUTS
}


@dataclass(frozen=True)
class Outage:
    """Nothing of a symbol came in `[start, end)`; what a venue keeps is brought in at `healed`."""

    symbol: str
    start: datetime
    end: datetime
    healed: datetime | None

    def hides(self, spec: tables.TableSpec, now: datetime) -> pl.Expr:
        """Rows that are not stored at that time. Nobody can ask for contexts of the past."""
        is_healed = self.healed is not None and self.healed <= now
        if is_healed and spec is not tables.HYPERLIQUID_ASSET_CONTEXTS:
            return pl.lit(value=False)
        return (pl.col("symbol") == self.symbol) & pl.col(spec.time_column).is_between(
            self.start, self.end, closed="left"
        )


lengths = st.sampled_from([3, 7, 12, 45, 62, 70, 95, 300, 24 * 60 + 10]).map(
    timedelta(minutes=1).__mul__
)
instants = st.integers(0, (END - NOW) // MINUTE).map(lambda n: NOW + n * MINUTE)


@st.composite
def outages(draw: st.DrawFn) -> Outage:
    length, end = draw(lengths), draw(instants)
    healed = draw(st.none() | lengths)
    return Outage(
        draw(st.sampled_from(SYMBOLS)), end - length, end, None if healed is None else end + healed
    )


def _bring_in(store: FileStore, now: datetime, missed: list[Outage], keep: timedelta) -> None:
    """What is stored at that time: all but what is hidden, and nothing that has been pruned."""
    for spec in INPUTS:
        known = HISTORY[spec.name]
        ends = "close_at" if spec is tables.HYPERLIQUID_CANDLES else spec.time_column
        known = known.filter(pl.col(ends) <= now)
        for outage in missed:
            known = known.filter(~outage.hides(spec, now))
        if spec is not tables.HYPERLIQUID_FUNDING_RATES:
            known = known.filter(pl.col(spec.time_column) >= now - keep)
        store.replace(spec, known)


def _run(store: FileStore, now: datetime) -> None:
    """The five features, as their assets compute and write them."""
    inputs = FeatureInputs(store, ManualClock(now)).now
    rows: dict[str, pl.DataFrame] = {}
    try:
        minutes = inputs.usable("1m")
        rows["technical_indicators"] = technical_indicators(
            minutes, interval="1m", as_of=now, delisted=inputs.delisted
        )
        rows["volatility_profiles"] = volatility_profiles(
            minutes, as_of=now, delisted=inputs.delisted
        )
    except InputsMissing:
        pass
    try:
        known = inputs.fresh_contexts()
        rows["funding_pressure"] = funding_pressure(inputs.rates, known, as_of=now)
        rows["positioning_pressure"] = positioning_pressure(known, as_of=now)
        books = [book([(99.9, 900)], [(100.1, 900)], symbol=symbol, at=now) for symbol in SYMBOLS]
        rows["liquidity_profiles"] = liquidity_profiles(pl.concat(books), [], known, as_of=now)
    except InputsMissing:
        pass
    for name, frame in rows.items():
        assert frame.filter(pl.col("as_of") > now).is_empty(), name
        store.merge(tables.table(f"hyperliquid_{name}"), frame)


def _stored(store: FileStore) -> dict[tuple[object, ...], Mapping[str, Any]]:
    return {
        (spec.name, *(row[name] for name in spec.key)): row
        for spec in DERIVED
        for row in store.read(f"select * from {spec.name}").iter_rows(named=True)  # noqa: S608 - a table
    }


def _worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Columns that have lost their value, or count fewer rows than they did."""
    return [
        name
        for name, value in before.items()
        if value is not None
        and (
            after[name] is None
            or (name in {"candles_used", "rates_used_7d"} and after[name] < value)
        )
    ]


def _judged(store: FileStore, runs: list[datetime], missed: list[Outage], keep: timedelta) -> None:
    before: dict[tuple[object, ...], Mapping[str, Any]] = {}
    for now in sorted(runs):
        _bring_in(store, now, missed, keep)
        _run(store, now)
        after = _stored(store)
        assert before.keys() <= after.keys()
        worse = {key: _worse(before[key], after[key]) for key in before}
        assert {key: names for key, names in worse.items() if names} == {}
        before = after
    for (table, *_), row in before.items():
        # A context that was not of now when it was used makes no row: 10 minutes are the window.
        assert min(abs(now - row["as_of"]) for now in runs) <= 12 * MINUTE, (table, row)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb", tables=(*INPUTS, *DERIVED))


@pytest.mark.parametrize(
    "late", [MINUTE, 11 * MINUTE, 62 * MINUTE, 70 * MINUTE, 24 * HOUR + 10 * MINUTE]
)
def test_a_silent_dex_keeps_the_rows_that_it_had(store: FileStore, late: timedelta) -> None:
    """It fell silent after the first run; the other goes on, and the windows have moved on."""
    silence = Outage("xyz:TSLA", NOW + MINUTE, END, None)
    _judged(store, [NOW, NOW + late], [silence], DAY)
    rows = store.read(
        "select symbol, oi_change_1h_pct, oi_change_24h_pct, rates_used_7d, funding_zscore_7d"
        " from hyperliquid_positioning_pressure join hyperliquid_funding_pressure"
        " using (symbol, as_of) where symbol = 'xyz:TSLA'"
    )
    assert rows.height == 1
    assert None not in rows.row(0)
    assert rows["rates_used_7d"].item() == 168


def test_a_healed_window_improves_the_row(store: FileStore) -> None:
    """Computed over a hole first, and again when the hole was closed and nothing newer has come."""
    hole = Outage("BTC", NOW - 3 * HOUR, NOW - 2 * HOUR, NOW + MINUTE)
    silence = Outage("BTC", NOW, END, None)
    used = []
    for now in (NOW, NOW + 2 * MINUTE):
        _bring_in(store, now, [hole, silence], DAY)
        _run(store, now)
        found = store.read(
            "select candles_used, range_24h_pct from hyperliquid_volatility_profiles"
            " where symbol = 'BTC'"
        )
        used.append(found.row(0))
        assert found.height == 1
    assert used[0] == (120, None)
    assert used[1][0] > 1400
    assert used[1][1] is not None


@settings(max_examples=8, deadline=None, phases=set(Phase) - {Phase.shrink})
@given(
    runs=st.lists(instants, min_size=2, max_size=4, unique=True),
    again=st.lists(st.sampled_from([1, 4, 9, 62, 70, 24 * 60 + 10]), max_size=2),
    missed=st.lists(outages(), max_size=4),
    keep=st.sampled_from([2 * HOUR, DAY, 2 * DAY]),
)
def test_no_stored_row_gets_worse(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[datetime],
    again: list[int],
    missed: list[Outage],
    keep: timedelta,
) -> None:
    store = FileStore(tmp_path_factory.mktemp("again") / "m.duckdb", tables=(*INPUTS, *DERIVED))
    every = [*runs, *(runs[0] + after * MINUTE for after in again)]
    _judged(store, every, missed, keep)
