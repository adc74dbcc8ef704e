"""Tables are made from their specs, with what a person needs to read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.schema import column_comment, statements, table_comment
from market_assets.tables import TABLES, Column
from market_assets_tests.storage.examples import PRICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection


@pytest.fixture(name="connection")
def make_connection() -> Iterator[DuckDBPyConnection]:
    """An empty database in memory."""
    with duckdb.connect() as connection:
        yield connection


def sync(connection: DuckDBPyConnection, *tables: object) -> int:
    needed = statements(connection, tables)  # type: ignore[arg-type]
    for statement in needed:
        fetch(connection, statement)
    return len(needed)


def test_every_table_is_made_once(connection: DuckDBPyConnection) -> None:
    """Afterwards there is nothing left to do, whatever characters are in the texts."""
    assert sync(connection, *TABLES)
    assert sync(connection, *TABLES) == 0


def test_duckdb_shows_grain_meaning_and_unit(connection: DuckDBPyConnection) -> None:
    """A person in the shell reads what the spec says; a changed text arrives."""
    odd = replace(PRICES, grain="one row per symbol's price")
    sync(connection, odd)
    [(comment,)] = fetch(connection, "select comment from duckdb_tables()")
    assert comment == table_comment(odd)
    assert comment == "One row per symbol's price. Key: symbol. Time: seen_at."
    found = dict(
        fetch(connection, "select column_name, comment from duckdb_columns() where not internal")
    )
    assert found == {column.name: column_comment(column) for column in odd.columns}
    assert found["price"] == "Price. Unit: quote."
    assert sync(connection, PRICES) == 1


def test_new_columns_are_added_as_null(connection: DuckDBPyConnection) -> None:
    """Rows stay; columns that no spec knows stay too."""
    sync(connection, PRICES)
    fetch(connection, "insert into prices values ('A', 1, 1, null)")
    extra = Column("volume", "DOUBLE", "Volume.", "base")
    fewer = tuple(column for column in PRICES.columns if column.name != "price")
    sync(connection, replace(PRICES, columns=(*fewer, extra)))
    assert fetch(connection, "select symbol, price, volume from prices") == [("A", 1.0, None)]


def test_older_rows_have_what_a_new_column_says_of_before(connection: DuckDBPyConnection) -> None:
    """Texts with quotes in them, numbers and truths; what is written later says it itself."""
    sync(connection, PRICES)
    fetch(connection, "insert into prices (symbol, price) values ('A', 1)")
    new = (
        Column("venue", "VARCHAR", "New.", required=True, before="then's"),
        Column("fee", "DOUBLE", "New.", before=0.5),
        Column("is_old", "BOOLEAN", "New.", before=True),
    )
    sync(connection, replace(PRICES, columns=(*PRICES.columns, *new)))
    assert fetch(connection, "select venue, fee, is_old from prices") == [("then's", 0.5, True)]


def test_the_key_is_never_null(connection: DuckDBPyConnection) -> None:
    """Not even for somebody who writes by hand."""
    sync(connection, PRICES)
    with pytest.raises(duckdb.ConstraintException):
        fetch(connection, "insert into prices values (null, 1, 1, null)")


def test_another_type_needs_a_migration(connection: DuckDBPyConnection) -> None:
    """The error names table, column and both types."""
    sync(connection, PRICES)
    other = tuple(
        replace(column, type="VARCHAR") if column.name == "seq" else column
        for column in PRICES.columns
    )
    with pytest.raises(
        StoreError, match="table prices: column seq is BIGINT in the file and VARCHAR"
    ):
        sync(connection, replace(PRICES, columns=other))
