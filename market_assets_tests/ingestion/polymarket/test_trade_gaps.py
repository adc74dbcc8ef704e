"""Gaps: what is missing, joined, filled, and told to the store."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.ingestion.polymarket.trade_gaps import Gap, GapLedger
from market_assets.storage.common.changes import Delete, Merge
from market_assets_tests.ingestion.polymarket.feeds import NOW, desk

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.storage.common.changes import Change


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def seconds_of(gaps: list[Gap]) -> set[int]:
    """Every second that is missing."""
    return {
        second
        for gap in gaps
        for second in range(int((gap.from_at - NOW).total_seconds()), 40)
        if at(second) < gap.to_at
    }


def applied(rows: dict[datetime, dict[str, object]], changes: list[Change]) -> None:
    """What the changes make of the stored rows."""
    for change in changes:
        if isinstance(change, Delete):
            del rows[change.params[-1]]  # type: ignore[arg-type] - the begin
        else:
            assert isinstance(change, Merge)
            rows |= {row["gap_from_at"]: row for row in change.frame.iter_rows(named=True)}


STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 29), st.integers(1, 10), st.booleans()), max_size=20
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_ledger_is_the_set_of_missing_seconds(
    steps: list[tuple[bool, int, int, bool]],
) -> None:
    """Whatever is missing and filled, in whatever order: ledger and store have what is left."""
    ledger, missing = GapLedger("trades"), set[int]()
    stored: dict[datetime, dict[str, object]] = {}
    for is_missing, first, length, is_written in steps:
        if is_missing:
            ledger.missing(at(first), at(first + length), cause="x", now=NOW)
            missing |= set(range(first, first + length))
        else:
            ledger.filled(at(first), at(first + length), (), cause="x")
            missing -= set(range(first, first + length))
        assert seconds_of(ledger.open) == missing
        assert all(a.to_at < b.from_at for a, b in pairwise(ledger.open))
        if is_written:
            applied(stored, ledger.changes(NOW))
            open_rows = {
                (row["gap_from_at"], row["gap_to_at"])
                for row in stored.values()
                if row["healed_at"] is None
            }
            assert open_rows == {(gap.from_at, gap.to_at) for gap in ledger.open}
    assert ledger.healed == 0, "nothing was left by an earlier run"


def test_a_gap_of_an_earlier_run_is_kept_as_healed(tmp_path: Path) -> None:
    """It is filled in two steps, over two runs; the row says when, and with how many trades."""
    store = desk(tmp_path).store
    first = GapLedger("trades")
    first.missing(at(0), at(10), cause="page cap", now=NOW)
    store.write(*first.changes(NOW))
    second = GapLedger.of(store, "trades")
    second.filled(at(5), at(10), [at(4), at(5), at(9), at(10)], cause="page cap")
    store.write(*second.changes(NOW))
    third = GapLedger.of(store, "trades")
    assert third.open == [Gap(at(0), at(5), "page cap", NOW, 2)]
    third.filled(at(-5), at(5), [at(-1), at(0)], cause="being read")
    later = NOW + timedelta(minutes=1)
    store.write(*third.changes(later))
    [row] = store.read("select * from ingestion_gaps").iter_rows(named=True)
    assert (row["healed_at"], row["healed_rows"], row["gap_from_at"]) == (later, 3, at(0))
    assert third.healed == 1
    assert GapLedger.of(store, "trades").open == []


def test_a_gap_that_a_run_opens_and_closes_leaves_no_row(tmp_path: Path) -> None:
    """Nobody ever missed anything."""
    store = desk(tmp_path).store
    ledger = GapLedger("trades")
    ledger.missing(at(0), at(10), cause="being read", now=NOW)
    store.write(*ledger.changes(NOW))
    ledger.filled(at(0), at(10), (), cause="being read")
    store.write(*ledger.changes(NOW))
    assert store.read("select * from ingestion_gaps").is_empty()


def test_gaps_of_others_are_left_alone(tmp_path: Path) -> None:
    """Each channel, and each day of a backfill, has its own."""
    store = desk(tmp_path).store
    for channel, symbol in (("trades", ""), ("trades_history", "2026-11-01"), ("books", "")):
        ledger = GapLedger(channel, symbol)
        ledger.missing(at(0), at(10), cause="x", now=NOW)
        store.write(*ledger.changes(NOW))
    mine = GapLedger.of(store, "trades_history", "2026-11-01")
    mine.filled(at(0), at(10), (), cause="x")
    store.write(*mine.changes(NOW))
    left = store.read("select channel from ingestion_gaps where healed_at is null order by 1")
    assert left["channel"].to_list() == ["books", "trades"]


def test_gaps_that_join_are_one_row(tmp_path: Path) -> None:
    """The row of the later one goes; the joined one keeps its begin and its first sight."""
    store = desk(tmp_path).store
    first = GapLedger("trades")
    first.missing(at(0), at(10), cause="page cap", now=NOW)
    first.missing(at(20), at(25), cause="page cap", now=NOW)
    store.write(*first.changes(NOW))
    second = GapLedger.of(store, "trades")
    second.missing(at(10), at(30), cause="being read", now=at(60))
    store.write(*second.changes(NOW))
    assert GapLedger.of(store, "trades").open == [Gap(at(0), at(30), "being read", NOW)]
    assert store.read("select * from ingestion_gaps").height == 1
