"""What holds for any rows in any order: the tables end as a dictionary of the newest rows would."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.storage.common import merge
from market_assets.storage.common.changes import Merge
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.merge import apply, newest, stage
from market_assets.storage.common.schema import create_table
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from duckdb import DuckDBPyConnection

Row = tuple[str, float | None, int | None, "datetime | None"]

NOW = at(3)
"""The present of all rows: none is later."""

rows_of_prices = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.floats(0, 9, width=16),
        st.none() | st.integers(0, 3),
        st.none() | st.integers(0, 3).map(at),
    ),
    max_size=12,
)


def database() -> DuckDBPyConnection:
    connection = duckdb.connect()
    fetch(connection, "set timezone = 'UTC'")
    fetch(connection, create_table(PRICES))
    return connection


def stored(connection: DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.sql("select * from prices order by symbol").pl().rows()


def version(row: Row) -> tuple[object, ...]:
    """Python's order of versions: NULL below everything."""
    return tuple(
        (value is not None, value or 0) for value in (row[2], row[3] and row[3].timestamp())
    )


def model(rows: Sequence[Row]) -> list[Row]:
    """A dictionary that keeps the greatest version, the first of equals: what the table must be."""
    kept: dict[str, Row] = {}
    for row in rows:
        if row[0] not in kept or version(row) > version(kept[row[0]]):
            kept[row[0]] = row
    return [kept[key] for key in sorted(kept)]


@pytest.mark.parametrize("reach", [merge.REACH, -1])
@settings(max_examples=15, deadline=None)
@given(rows=rows_of_prices, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_batches_do_not_matter(reach: int, rows: list[Row], cuts: list[int]) -> None:
    """However the rows are cut into frames, the table is the model; and again, the same."""
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    with database() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "REACH", reach)
        for _ in range(2):
            for start, end in itertools.pairwise(edges):
                apply(connection, stage(Merge(PRICES, prices(rows[start:end])), NOW), NOW)
            assert stored(connection) == model(rows)


@settings(max_examples=20, deadline=None)
@given(
    rows=rows_of_prices.map(
        lambda rows: list({(row[0], version(row)): row for row in rows}.values())
    ),
    data=st.data(),
)
def test_order_does_not_matter(rows: list[Row], data: st.DataObject) -> None:
    """Where no two rows have one version, any permutation ends in the same table."""
    shuffled = data.draw(st.permutations(rows))
    with database() as connection:
        for row in shuffled:
            apply(connection, stage(Merge(PRICES, prices([row])), NOW), NOW)
        assert stored(connection) == model(rows)
    assert sorted(newest(PRICES, prices(shuffled), NOW).rows()) == model(rows)


@settings(max_examples=6, deadline=None)
@given(rows=rows_of_prices, data=st.data())
def test_any_way_through_spool_and_store_ends_in_the_model(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], data: st.DataObject
) -> None:
    """Rows in any division go into the spool or are merged, drained at any time."""
    store = FileStore(tmp_path_factory.mktemp("model") / "market.duckdb", tables=(PRICES,))
    spool = Spool(store.paths.folder / "spool", limit_bytes=10**7)
    distinct = list({(row[0], row[2], row[3]): row for row in rows}.values())
    rest = data.draw(st.permutations(distinct))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        if data.draw(st.booleans()):
            spool.append(PRICES, prices(batch))
        else:
            store.merge(PRICES, prices(batch))
        if data.draw(st.booleans()):
            spool.drain(store)
    spool.drain(store)
    assert store.read("select * from prices order by symbol").rows() == model(distinct)
