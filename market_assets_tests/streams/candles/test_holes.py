"""Holes as values: arithmetic of spans, what the database lacks, and the order of the healing."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import from_ms, to_ms
from market_assets.frames import conform
from market_assets.storage.files.store import FileStore
from market_assets.streams.candles.candle_book import Hole
from market_assets.streams.candles.heal_plan import HealPlan, Work
from market_assets.streams.candles.holes import (
    Found,
    Gap,
    Span,
    find,
    gap_rows,
    union,
    within,
    without,
)
from market_assets.tables import HYPERLIQUID_CANDLES, INGESTION_GAPS

NOW = datetime(2026, 3, 8, 12, 30, tzinfo=UTC)
NOW_MS = to_ms(NOW)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KEEP = {"1m": timedelta(hours=24), "1h": timedelta(days=7)}

spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda p: Span(min(p), max(p))),
    max_size=6,
)


def points(of: list[Span]) -> set[int]:
    return {at for span in of for at in range(*span)}


@given(spans, st.integers(0, 30), st.integers(0, 30))
def test_span_arithmetic_is_that_of_sets(some: list[Span], one: int, other: int) -> None:
    limits = Span(min(one, other), max(one, other))
    assert points(union(some)) == points(some)
    assert points(without(limits, some)) == points([limits]) - points(some)
    assert points(within(some, limits)) == points(some) & points([limits])
    for result in (union(some), without(limits, some), within(some, limits)):
        assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(result))


def candles(
    symbol: str, opens: list[int], interval: str = "1m", *, closed: bool = True
) -> pl.DataFrame:
    step = MINUTE if interval == "1m" else HOUR
    rows = [
        {
            "symbol": symbol,
            "interval": interval,
            "open_at": from_ms(at),
            "close_at": from_ms(at + step),
            "open": 1.0,
            "high": 1.0,
            "low": 1.0,
            "close": at / 1e6,
            "volume": 1.0,
            "trades": 1,
            "is_closed": closed,
            "source": "stream",
            "ingested_at": from_ms(at),
        }
        for at in opens
    ]
    return conform(HYPERLIQUID_CANDLES, pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema))


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def look(store: FileStore, *symbols: str, cause: str | None = None) -> Found:
    return find(store, symbols, keep=KEEP, until_ms=NOW_MS, now_ms=NOW_MS, cause=cause)


def test_an_empty_database_lacks_a_day_of_minutes_and_a_week_of_hours(store: FileStore) -> None:
    found = look(store, "BTC")
    this_hour = NOW_MS - 30 * MINUTE
    assert found.holes == {
        "1m": [Hole("BTC", NOW_MS - DAY, NOW_MS, "fresh")],
        "1h": [Hole("BTC", this_hour - 7 * DAY + HOUR, this_hour, "fresh")],
    }
    assert look(store, "BTC", cause="listing").holes["1m"][0].cause == "listing"


def test_only_what_is_missing_is_asked_for(store: FileStore) -> None:
    """Rows not closed are missing too; hours of the last day are left to the roll-up."""
    minutes = list(range(NOW_MS - DAY, NOW_MS, MINUTE))
    lost = [minutes[10], minutes[11], minutes[-1]]
    store.merge(HYPERLIQUID_CANDLES, candles("BTC", [m for m in minutes if m not in lost]))
    store.merge(HYPERLIQUID_CANDLES, candles("BTC", [minutes[-1]], closed=False))
    first_hour = NOW_MS - 30 * MINUTE - 7 * DAY + HOUR
    hours = list(range(first_hour, NOW_MS - DAY, HOUR))
    store.merge(HYPERLIQUID_CANDLES, candles("BTC", hours, "1h"))
    found = look(store, "BTC")
    assert found.holes["1m"] == [
        Hole("BTC", minutes[10], minutes[12], "downtime"),
        Hole("BTC", minutes[-1], NOW_MS, "downtime"),
    ]
    assert found.holes["1h"] == []
    assert found.closes == {"BTC": (minutes[-2], minutes[-2] / 1e6)}


def test_what_the_venue_did_not_have_is_not_asked_for_again(store: FileStore) -> None:
    """A healed gap counts as there, with or without rows; an open one is found again."""
    healed = Gap("BTC", "1m", NOW_MS - DAY, NOW_MS - HOUR, "fresh", NOW, NOW, 3)
    still = Gap("BTC", "1m", NOW_MS - HOUR, NOW_MS - HOUR + MINUTE, "silence", NOW)
    other = Gap("BTC", "1h", NOW_MS - DAY, NOW_MS, "fresh", NOW, NOW, 0)
    store.merge(INGESTION_GAPS, gap_rows([healed, still, other]))
    found = look(store, "BTC")
    assert found.holes["1m"] == [Hole("BTC", NOW_MS - HOUR, NOW_MS, "fresh")]
    assert found.open_gaps == [still]


def test_after_a_crash_the_last_minutes_are_read_again(store: FileStore) -> None:
    """A killed session may have closed a minute before its last frames came."""
    minutes = list(range(NOW_MS - DAY, NOW_MS - 10 * MINUTE, MINUTE))
    store.merge(HYPERLIQUID_CANDLES, candles("BTC", minutes))
    first_hour = NOW_MS - 30 * MINUTE - 7 * DAY + HOUR
    store.merge(
        HYPERLIQUID_CANDLES, candles("BTC", list(range(first_hour, NOW_MS - DAY, HOUR)), "1h")
    )
    clean = find(store, ["BTC"], keep=KEEP, until_ms=NOW_MS, now_ms=NOW_MS)
    assert clean.holes["1m"] == [Hole("BTC", minutes[-1] + MINUTE, NOW_MS, "downtime")]
    crashed = find(store, ["BTC"], keep=KEEP, until_ms=NOW_MS, now_ms=NOW_MS, after_crash=True)
    assert crashed.holes == {"1m": [Hole("BTC", minutes[-2], NOW_MS, "downtime")], "1h": []}


def hole(symbol: str, start: int, end: int, cause: str = "reconnect") -> Hole:
    return Hole(symbol, start * MINUTE, end * MINUTE, cause)


def test_fresh_disturbances_come_first_then_rank_then_hours() -> None:
    plan = HealPlan()
    plan.rank(["BTC", "ETH"])
    plan.add("1h", [Hole("BTC", 0, 2 * HOUR, "fresh")], NOW, backfill=True)
    plan.add("1m", [hole("ETH", 0, 600), hole("BTC", 0, 600)], NOW, backfill=True)
    plan.add("1m", [hole("NEW", 700, 702)], NOW)
    order = []
    while work := plan.pick(0.0):
        order.append((work.symbol, work.interval, work.user))
        plan.healed(work, Span(0, 1 << 60), [], NOW)
    assert order == [
        ("NEW", "1m", "stream"),
        ("BTC", "1m", "backfill"),
        ("ETH", "1m", "backfill"),
        ("BTC", "1h", "backfill"),
    ]
    assert plan.open_holes == 0


def test_minutes_that_follow_on_a_hole_are_the_same_gap() -> None:
    plan = HealPlan()
    [gap] = plan.add("1m", [hole("BTC", 0, 2)], NOW)
    assert plan.add("1m", [hole("BTC", 2, 3), hole("BTC", 1, 2)], NOW) == []
    assert plan.add("1m", [hole("BTC", 9, 10)], NOW) != []
    assert gap.span == Span(0, 3 * MINUTE)
    work = plan.pick(0.0)
    assert work is not None
    assert work.spans == [Span(0, 3 * MINUTE), Span(9 * MINUTE, 10 * MINUTE)]


def test_a_gap_is_healed_once_nothing_of_it_is_missing() -> None:
    """An answer that ends early settles what it covers; the rest stays, with its own gap."""
    plan = HealPlan()
    plan.add("1m", [hole("BTC", 0, 2), hole("BTC", 5, 9)], NOW)
    work = plan.pick(0.0)
    assert work is not None
    [healed] = plan.healed(work, Span(0, 7 * MINUTE), [0, MINUTE, 5 * MINUTE, 6 * MINUTE], NOW)
    assert (healed.span, healed.healed_rows, healed.healed_at) == (Span(0, 2 * MINUTE), 2, NOW)
    assert work.spans == [Span(7 * MINUTE, 9 * MINUTE)]
    [rest] = plan.healed(work, Span(0, 9 * MINUTE), [7 * MINUTE, 8 * MINUTE], NOW)
    assert rest.healed_rows == 4
    assert plan.pick(0.0) is None


def test_what_fails_waits_longer_each_time_and_blocks_nobody() -> None:
    plan = HealPlan()
    plan.rank(["BAD", "BTC"])
    plan.add("1m", [hole("BAD", 0, 2), hole("BTC", 0, 2)], NOW)
    bad = plan.pick(0.0)
    assert bad is not None
    pauses = []
    for _ in range(12):
        bad.failed(1000.0, "no")
        pauses.append(bad.not_before - 1000.0)
    assert pauses[:3] == [10.0, 20.0, 40.0]
    assert pauses[-1] == 1800.0
    other = plan.pick(1000.0)
    assert other is not None
    assert other.symbol == "BTC"
    assert plan.failing() == {"BAD": "12 attempts: no"}


def test_a_symbol_that_is_given_up_leaves_its_gaps_open_and_says_why() -> None:
    plan = HealPlan()
    plan.add("1m", [hole("BTC", 0, 2), hole("GONE", 0, 2), hole("LOW", 0, 2)], NOW)
    gone, low = plan.forget(["BTC"], listed=["BTC", "LOW"])
    assert (gone.symbol, gone.cause, gone.healed_at) == ("GONE", "unlisted", None)
    assert (low.symbol, low.cause, low.healed_at) == ("LOW", "unsubscribed", None)
    assert plan.open_holes == 1
    work = plan.pick(0.0)
    assert work is not None
    assert [gap.symbol for gap in plan.healed(work, Span(0, 1 << 60), [], NOW)] == ["BTC"]
    assert plan.pick(0.0) is None
    assert plan.begin(Found({}, {}, [], {}), NOW) == []


def test_an_answer_for_work_that_was_given_up_and_taken_again_settles_nothing() -> None:
    """The symbol left and came back while its old holes were asked for."""
    plan = HealPlan()
    plan.add("1m", [hole("BTC", 0, 2)], NOW)
    old = plan.pick(0.0)
    assert old is not None
    plan.forget([])
    plan.add("1m", [hole("BTC", 0, 5)], NOW)
    assert plan.healed(old, Span(0, 1 << 60), [], NOW) == []
    assert plan.open_holes == 1


def test_what_is_too_old_to_be_asked_for_is_not_called_healed() -> None:
    """The venue was away for a day: what was lost stays open, in a row of its own."""
    plan = HealPlan()
    plan.add("1m", [hole("BTC", 0, 2), hole("BTC", 5, 9)], NOW)
    work = plan.pick(0.0)
    assert work is not None
    [lost] = plan.expire(work, 7 * MINUTE, NOW)
    assert (lost.span, lost.healed_at) == (Span(0, 2 * MINUTE), None)
    assert work.spans == [Span(7 * MINUTE, 9 * MINUTE)]
    lost, healed = plan.healed(work, Span(0, 9 * MINUTE), [7 * MINUTE, 8 * MINUTE], NOW)
    assert (lost.span, lost.healed_at) == (Span(5 * MINUTE, 7 * MINUTE), None)
    assert (healed.span, healed.healed_at) == (Span(7 * MINUTE, 9 * MINUTE), NOW)
    assert healed.healed_rows == 2
    assert plan.open_holes == 0


def test_work_of_an_hour_is_the_streams_and_of_more_the_backfills() -> None:
    assert Work("BTC", "1m", [Span(0, HOUR)]).user == "stream"
    assert Work("BTC", "1m", [Span(0, HOUR + MINUTE)]).user == "backfill"
    assert Work("BTC", "1h", [Span(0, HOUR)]).user == "backfill"
