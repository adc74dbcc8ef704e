"""What is whole replaces: rows that a source has taken back go, and no more than is credible."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.frames import FrameError
from market_assets.storage.common.changes import Merge, ReplaceWithin
from market_assets.storage.common.merge import stage
from market_assets.storage.files.store import FileStore
from market_assets.tables import Column, TableSpec
from market_assets_tests.storage.examples import at

if TYPE_CHECKING:
    from pathlib import Path

DAYS = TableSpec(
    name="days",
    grain="one row per subject, metric and day",
    columns=(
        Column("subject", "VARCHAR", "Whose.", required=True),
        Column("metric", "VARCHAR", "Of what.", required=True),
        Column("day", "DATE", "The day.", required=True),
        Column("value", "DOUBLE", "How much.", "USD"),
        Column("ingested_at", "TIMESTAMPTZ", "When it was received.", required=True),
    ),
    key=("subject", "metric", "day"),
    time_column="day",
    version=("ingested_at",),
    changed_at="ingested_at",
)

FIRST = dt.date(2026, 1, 1)


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def days(
    subject: str, values: dict[int, float], *, seen: float = 0, metric: str = "tvl"
) -> pl.DataFrame:
    rows = [(subject, metric, day(n), value, at(seen)) for n, value in values.items()]
    return pl.DataFrame(rows, schema=DAYS.schema, orient="row")


def scopes(*names: str, metric: str = "tvl") -> pl.DataFrame:
    return pl.DataFrame({"subject": list(names), "metric": [metric] * len(names)})


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb", tables=(DAYS,))


def stored(store: FileStore, subject: str = "a") -> dict[int, float]:
    found = store.read("select day, value from days where subject = ? order by day", [subject])
    return {(one - FIRST).days: value for one, value in found.iter_rows()}


def within(frame: pl.DataFrame, scope: pl.DataFrame, **options: Any) -> ReplaceWithin:
    return ReplaceWithin(DAYS, frame, scopes=scope, until=("day", day(30)), **options)


def test_a_day_that_the_source_takes_back_goes(store: FileStore) -> None:
    """A series read whole before, and whole again: the table is the second one."""
    store.write(within(days("a", {0: 100.0, 1: 9e9, 7: 101.0, 8: 102.0}), scopes("a")))
    again = days("a", {7: 101.0, 8: 103.0}, seen=1)
    [written] = store.write(within(again, scopes("a")))
    assert (written.deleted, written.updated, written.unchanged) == (2, 1, 1)
    assert (written.kept, written.refused) == (0, ())
    assert stored(store) == {7: 101.0, 8: 103.0}


def test_rows_outside_of_the_scopes_are_left_alone(store: FileStore) -> None:
    """Other subjects, other metrics, and days after the last one that was read."""
    store.write(
        Merge(DAYS, days("a", {0: 1.0, 1: 1.0, 31: 1.0})),
        Merge(DAYS, days("b", {0: 1.0, 1: 1.0})),
        Merge(DAYS, days("a", {2: 5.0}, metric="fees")),
    )
    [written] = store.write(within(days("a", {1: 1.0}, seen=1), scopes("a")))
    assert written.deleted == 1
    assert stored(store) == {1: 1.0, 2: 5.0, 31: 1.0}
    assert stored(store, "b") == {0: 1.0, 1: 1.0}


def test_an_answer_that_would_remove_too_much_removes_nothing(store: FileStore) -> None:
    """It may be cut. What it has is stored, what it lacks is kept, and the scope is named."""
    whole = dict.fromkeys(range(30), 1.0)
    store.write(within(pl.concat([days("a", whole), days("b", whole)]), scopes("a", "b")))
    cut = pl.concat(
        [days("a", {29: 2.0}, seen=1), days("b", dict(list(whole.items())[3:]), seen=1)]
    )
    [written] = store.write(within(cut, scopes("a", "b"), most_removed=0.5, few=5))
    assert (written.deleted, written.kept, written.refused) == (3, 29, ("a/tvl",))
    assert stored(store) == {**whole, 29: 2.0}
    assert len(stored(store, "b")) == 27


def test_an_answer_without_a_row_removes_nothing_unless_all_may_go(store: FileStore) -> None:
    """However few rows are stored: silence is not a correction."""
    nothing = days("a", {})
    store.write(Merge(DAYS, days("a", {0: 1.0})))
    [written] = store.write(within(nothing, scopes("a")))
    assert (written.deleted, written.kept, written.refused) == (0, 1, ("a/tvl",))
    [written] = store.write(within(nothing, scopes("a"), most_removed=1.0))
    assert (written.deleted, written.kept) == (1, 0)
    assert stored(store) == {}


def test_few_rows_may_change_places(store: FileStore) -> None:
    """A young series that moves by a day loses all its stored rows, and is no cut answer."""
    store.write(within(days("a", {0: 1.0, 1: 1.0}), scopes("a")))
    store.write(within(days("a", {2: 1.0}, seen=1), scopes("a")))
    assert stored(store) == {2: 1.0}


def test_it_is_one_transaction_with_the_rest(store: FileStore) -> None:
    """A change that fails after it leaves the rows that it would have removed."""
    store.write(Merge(DAYS, days("a", {0: 1.0, 1: 1.0})))
    removed = within(days("a", {1: 1.0}, seen=1), scopes("a"))
    with pytest.raises(FrameError):
        store.write(removed, Merge(DAYS, days("a", {}).drop("value")))
    assert stored(store) == {0: 1.0, 1: 1.0}


@pytest.mark.parametrize(
    ("frame", "scope", "complaint"),
    [
        (days("b", {0: 1.0}), scopes("a"), "is in no scope"),
        (days("a", {31: 1.0}), scopes("a"), "is in no scope"),
        (days("a", {}), pl.DataFrame({"value": [1.0]}), "columns of the key"),
        (days("a", {}), pl.DataFrame({"subject": [1]}), "another type"),
        (days("a", {}), pl.DataFrame({"subject": [None]}, schema={"subject": pl.String}), "NULL"),
    ],
)
def test_what_is_no_part_of_the_table_is_refused(
    frame: pl.DataFrame, scope: pl.DataFrame, complaint: str
) -> None:
    """Before any lock is taken."""
    with pytest.raises(FrameError, match=complaint):
        stage(within(frame, scope), at(0))


series = st.dictionaries(st.integers(0, 30), st.sampled_from([1.0, 2.0]), min_size=1)


@settings(max_examples=15, deadline=None)
@given(reads=st.lists(series, min_size=1, max_size=4))
def test_after_any_reads_the_table_is_the_last_one(
    tmp_path_factory: pytest.TempPathFactory, reads: list[dict[int, float]]
) -> None:
    """Where all may go, what is stored is what was read last, and what changed says when."""
    store = FileStore(tmp_path_factory.mktemp("model") / "market.duckdb", tables=(DAYS,))
    other = days("b", {0: 1.0})
    store.write(Merge(DAYS, other))
    for turn, read in enumerate(reads):
        store.write(within(days("a", read, seen=turn), scopes("a"), most_removed=1.0))
    assert stored(store) == dict(sorted(reads[-1].items()))
    assert stored(store, "b") == {0: 1.0}
