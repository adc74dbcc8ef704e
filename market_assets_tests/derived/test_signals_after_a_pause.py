"""Signals where nobody looked for hours: what happened meanwhile ends a case and begins another."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.derived.signals import signal_rows
from market_assets.features.polymarket_signals.book_moves import (
    book_imbalances,
    price_jumps,
    spread_blowouts,
)
from market_assets.features.polymarket_signals.cases import (
    HISTORY,
    LONGEST_HISTORY,
    looked_back,
)
from market_assets.features.polymarket_signals.events import signal_events
from market_assets.features.polymarket_signals.open_interest import open_interest_jumps
from market_assets.features.polymarket_signals.trades import volume_spikes
from market_assets.features.thresholds import SignalThresholds
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_MARKETS,
    POLYMARKET_SIGNAL_EVENTS,
    POLYMARKET_TRADES,
    TableSpec,
)
from market_assets_tests.features.polymarket_signals.rows import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Row,
    book,
    frame,
    market,
    metric,
    series,
    trade,
)

HEAVY, EVEN = (95.0, 5.0), (50.0, 50.0)
TEN = 10 * MINUTE


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def _fill(store: FileStore, table: TableSpec, *rows: Row) -> None:
    seen = {"first_seen_at": NOW - 30 * HOUR, "updated_at": NOW - 30 * HOUR}
    store.merge(table, frame(table, [{**seen, **row} for row in rows]))


def _run(store: FileStore, as_of: datetime) -> list[str]:
    """The kinds of the signals that a run finds; they are stored, with the run."""
    found = signal_events(signal_rows(store, as_of), SignalThresholds(), as_of=as_of)
    run = IngestionRun("polymarket", "signals", POLYMARKET_SIGNAL_EVENTS.name, as_of)
    store.merge(POLYMARKET_SIGNAL_EVENTS, found, run=run)
    return found["kind"].to_list()


def _books(store: FileStore, begin: timedelta, *, even_at: timedelta | None) -> None:
    """A heavy book every ten minutes from so long ago until now, even at one of the instants."""
    _fill(store, POLYMARKET_MARKETS, market("a"))
    steps = [begin - TEN * i for i in range(begin // TEN + 1)]
    tops = [book(0.49, 0.51, ago, depths=EVEN if ago == even_at else HEAVY) for ago in steps]
    _fill(store, POLYMARKET_BOOK_TOPS, *tops)


@pytest.mark.parametrize("even_at", [4 * HOUR + 50 * MINUTE, 3 * HOUR, HOUR + TEN, 20 * MINUTE])
def test_a_case_that_ended_and_began_anew_meanwhile_is_told_once_more(
    store: FileStore, even_at: timedelta
) -> None:
    """Whenever it was over; a further run does not tell of it again."""
    _books(store, 5 * HOUR, even_at=even_at)
    assert _run(store, NOW - 5 * HOUR) == ["book_imbalance"]
    assert _run(store, NOW + SECOND) == ["book_imbalance"]
    assert _run(store, NOW + MINUTE) == []


def test_a_case_that_went_on_all_the_time_is_not_told_again(store: FileStore) -> None:
    _books(store, 5 * HOUR, even_at=None)
    assert _run(store, NOW - 5 * HOUR) == ["book_imbalance"]
    assert _run(store, NOW + SECOND) == []


def test_what_was_over_before_the_case_began_does_not_end_it(store: FileStore) -> None:
    """Though it is looked at again."""
    _books(store, 5 * HOUR, even_at=5 * HOUR)
    assert _run(store, NOW - 4 * HOUR + SECOND) == ["book_imbalance"]
    assert _run(store, NOW + SECOND) == []


def test_of_what_was_longer_ago_than_seven_hours_nothing_is_known(store: FileStore) -> None:
    _books(store, 12 * HOUR, even_at=8 * HOUR)
    assert _run(store, NOW - 12 * HOUR) == ["book_imbalance"]
    assert _run(store, NOW + SECOND) == []


def test_interest_that_stood_still_meanwhile_ends_its_case(store: FileStore) -> None:
    """The hour before the first score is read, too."""
    _fill(store, POLYMARKET_MARKETS, market("a"))
    usd = {300: 100.0, 290: 150.0, 220: 150.0, 160: 150.0, 65: 150.0, 55: 200.0, 5: 200.0}
    observed = [metric(ago * MINUTE, of) for ago, of in usd.items()]
    _fill(store, POLYMARKET_MARKET_METRICS, *observed)
    assert _run(store, NOW - 289 * MINUTE) == ["open_interest_jump"]
    assert _run(store, NOW) == ["open_interest_jump"]


@given(st.timedeltas(timedelta(0), timedelta(days=3)))
def test_scores_are_looked_at_from_an_hour_before_the_last_run(pause: timedelta) -> None:
    """Within limits; a last run of later than now counts as one of now."""
    found = looked_back(NOW, NOW - pause)
    assert HISTORY <= found <= LONGEST_HISTORY
    assert found == HISTORY + pause or found == LONGEST_HISTORY < HISTORY + pause
    assert looked_back(NOW, None) == looked_back(NOW, NOW + pause) == HISTORY


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60), st.integers(1, 90)), max_size=30),
    st.integers(1, 7),
)
def test_a_longer_history_has_the_same_scores_of_the_last_hour(
    states: list[tuple[int, int, int]], hours: int
) -> None:
    """Of each kind: what is looked at does not depend on when somebody last looked."""
    tops = [
        book(0.2, 0.2 + spread / 100, ago * MINUTE, depths=(float(bids), 50.0))
        for ago, spread, bids in states
    ]
    books = series(*tops)
    spreads = frame(POLYMARKET_BOOK_TOPS, tops)
    metrics = frame(
        POLYMARKET_MARKET_METRICS, [metric(ago * MINUTE, float(usd)) for ago, _, usd in states]
    )
    trades = frame(
        POLYMARKET_TRADES,
        [trade(f"{n}", ago * MINUTE, float(usd)) for n, (ago, _, usd) in enumerate(states)],
    )
    back = hours * HOUR
    for whole, last in (
        (
            spread_blowouts(books, spreads, as_of=NOW, history=back),
            spread_blowouts(books, spreads, as_of=NOW),
        ),
        (book_imbalances(books, as_of=NOW, history=back), book_imbalances(books, as_of=NOW)),
        (price_jumps(books, as_of=NOW, history=back), price_jumps(books, as_of=NOW)),
        (
            open_interest_jumps(metrics, as_of=NOW, history=back),
            open_interest_jumps(metrics, as_of=NOW),
        ),
        (volume_spikes(trades, as_of=NOW, history=back), volume_spikes(trades, as_of=NOW)),
    ):
        assert_frame_equal(whole.filter(pl.col("at") > NOW - HISTORY), last)
