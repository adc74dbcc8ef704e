"""Rows that are computed again: a stored one gives way only to a fuller one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets import tables
from market_assets.storage.common import merge
from market_assets.storage.common.changes import Merge, Written
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.merge import apply, stage
from market_assets.storage.common.schema import create_table
from market_assets.tables import Column, Derived, TableSpec
from market_assets_tests.storage.examples import at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

FIGURES = TableSpec(
    name="figures",
    grain="one row per symbol",
    columns=(
        Column("symbol", "VARCHAR", "The symbol.", required=True),
        Column("as_of", "TIMESTAMPTZ", "When.", required=True),
        Column("mean", "DOUBLE", "A figure."),
        Column("word", "VARCHAR", "A word."),
        Column("used", "BIGINT", "Rows that it is made of.", required=True),
    ),
    key=("symbol",),
    time_column="as_of",
    derived=Derived(counts=("used",)),
)
Row = tuple[float | None, str | None, int]
ROWS = st.lists(
    st.tuples(st.none() | st.floats(0, 9, width=16), st.none() | st.just("w"), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


def database() -> DuckDBPyConnection:
    connection = duckdb.connect()
    fetch(connection, create_table(FIGURES))
    return connection


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame([("A", at(0), *row) for row in rows], schema=FIGURES.schema, orient="row")


def put(connection: DuckDBPyConnection, rows: Sequence[Row]) -> Written:
    return apply(connection, stage(Merge(FIGURES, frame(rows)), at(0)), at(0))


def stored(connection: DuckDBPyConnection) -> Row:
    [row] = fetch(connection, "select mean, word, used from figures")
    return tuple(row)  # type: ignore[return-value]


def is_worse(new: Row, old: Row) -> bool:
    return new[2] < old[2] or any(
        n is None and o is not None for n, o in zip(new, old, strict=True)
    )


@pytest.mark.parametrize(
    ("again", "stays"),
    [
        ((2.0, "w", 5), True),
        ((None, "w", 9), True),
        ((2.0, None, 9), True),
        ((2.0, "w", 4), True),
        ((2.0, "w", 6), False),
    ],
    ids=["as full", "a value less", "a word less", "made of less", "made of more"],
)
def test_only_a_fuller_row_replaces(again: Row, *, stays: bool) -> None:
    before: Row = (1.0, "w", 5)
    with database() as connection:
        put(connection, [before])
        written = put(connection, [again])
        assert stored(connection) == (before if stays else again)
        assert (written.updated, written.unchanged) == ((0, 1) if stays else (1, 0))


@pytest.mark.parametrize("reach", [merge.REACH, -1], ids=["in place", "moved"])
@settings(max_examples=40, deadline=None)
@given(rows=ROWS, together=st.booleans())
def test_nothing_that_is_written_makes_a_row_worse(
    reach: int, rows: list[Row], *, together: bool
) -> None:
    """One by one or in one frame: the row is at each time the one that no later one was to take."""
    expected = rows[0]
    for row in rows[1:]:
        fullness = [(value is not None, r[2]) for r in (row, expected) for value in r]
        is_the_same = fullness[:3] == fullness[3:]
        if not is_worse(row, expected) and not is_the_same:
            expected = row
    with database() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "REACH", reach)
        for batch in [rows] if together else [[row] for row in rows]:
            put(connection, batch)
        assert stored(connection) == expected


def test_a_table_has_versions_or_is_derived() -> None:
    """What would contradict itself is refused where it is stated."""
    whole = {"name": "t", "grain": "", "key": ("symbol",), "time_column": "as_of"}
    for more, complaint in (
        ({"version": ("as_of",), "derived": Derived()}, "not both"),
        ({"derived": Derived(counts=("mean",))}, "may be NULL"),
        ({"derived": Derived(counts=("none",))}, "no column 'none'"),
    ):
        with pytest.raises(ValueError, match=complaint):
            TableSpec(columns=FIGURES.columns, **whole, **more)  # type: ignore[arg-type]


def test_every_table_of_computed_rows_says_so() -> None:
    """A table whose key has `as_of` is computed, and may be computed again from less."""
    with_as_of = {spec.name for spec in tables.TABLES if "as_of" in spec.key}
    assert with_as_of == {spec.name for spec in tables.TABLES if spec.derived}
