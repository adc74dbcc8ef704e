"""What a change makes of a table: newer rows win, in any order and any division into batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from market_assets.frames import FrameError, empty
from market_assets.storage.common import merge
from market_assets.storage.common.changes import Change, Delete, Merge, Replace, Written
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.merge import apply, stage
from market_assets.storage.common.schema import statements
from market_assets.tables import HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES, Column, TableSpec
from market_assets_tests.storage.examples import NOTES, PRICES, assets, at, candles, notes, prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

CATEGORIES = TableSpec(
    name="categories",
    grain="one row per category",
    columns=(
        Column("category", "VARCHAR", "Its name.", required=True),
        Column("label", "VARCHAR", "What people read."),
        Column("updated_at", "TIMESTAMPTZ", "When the row last changed."),
    ),
    key=("category",),
    time_column="updated_at",
    version=("updated_at",),
    changed_at="updated_at",
)

SEEN = TableSpec(
    name="seen",
    grain="one row per thing",
    columns=(
        Column("thing", "VARCHAR", "Its name.", required=True),
        Column("ingested_at", "TIMESTAMPTZ", "When it was seen."),
    ),
    key=("thing",),
    time_column="ingested_at",
)

DAYS = TableSpec(
    name="days",
    grain="one row per thing and interval",
    columns=(
        Column("thing", "VARCHAR", "Its name.", required=True),
        Column("interval", "VARCHAR", "1m; NULL where it has none."),
        Column("value", "BIGINT", "A number."),
        Column("seen_at", "TIMESTAMPTZ", "When it was seen.", required=True),
    ),
    key=("thing", "interval"),
    null_in_key=("interval",),
    time_column="seen_at",
    version=("seen_at",),
)
"""A part of its key may be NULL."""

NOW = at(3600)
"""When these tests write: what they write was received before."""

TABLES = (PRICES, NOTES, CATEGORIES, SEEN, DAYS, HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES)


@pytest.fixture(autouse=True, params=["in place", "moved"])
def way_of_overwriting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test twice: stored rows are updated where they lie, or moved to the table's end."""
    if request.param == "moved":
        monkeypatch.setattr(merge, "REACH", -1)


@pytest.fixture(name="connection")
def make_connection() -> Iterator[DuckDBPyConnection]:
    """A database in memory with the tables of these tests."""
    with database() as connection:
        yield connection


def database() -> DuckDBPyConnection:
    connection = duckdb.connect()
    fetch(connection, "set timezone = 'UTC'")
    for statement in statements(connection, TABLES):
        fetch(connection, statement)
    return connection


def change(connection: DuckDBPyConnection, one: Change, *, now: datetime = NOW) -> Written:
    return apply(connection, stage(one, now), now)


def table(connection: DuckDBPyConnection, spec: TableSpec) -> pl.DataFrame:
    order = ", ".join(f'"{name}"' for name in spec.key)
    return connection.sql(f"select * from {spec.name} order by {order}").pl()  # noqa: S608 - test's own


def counts(written: Written) -> tuple[int, int, int, int]:
    return written.inserted, written.updated, written.unchanged, written.deleted


def test_new_rows_are_inserted_and_newer_ones_replace(connection: DuckDBPyConnection) -> None:
    """Inserted, updated and unchanged rows are counted exactly."""
    first = prices([("A", 1.0, 1, at(0)), ("B", 1.0, 5, at(0)), ("C", 1.0, 1, at(0))])
    assert counts(change(connection, Merge(PRICES, first))) == (3, 0, 0, 0)
    second = prices([("A", 2.0, 2, at(0)), ("B", 2.0, 4, at(9)), ("D", 2.0, 1, at(0))])
    written = change(connection, Merge(PRICES, second))
    assert counts(written) == (1, 1, 1, 0)
    assert written.rows == 3
    assert (written.event_from_at, written.event_to_at) == (at(0), at(9))
    assert table(connection, PRICES)["price"].to_list() == [2.0, 1.0, 1.0, 2.0]


def test_writing_the_same_twice_changes_nothing(connection: DuckDBPyConnection) -> None:
    """With a version and without, lists included."""
    same = notes([("n", "text", ["a", "b"], date(2026, 1, 1)), ("m", None, None, None)])
    assert counts(change(connection, Merge(NOTES, same))) == (2, 0, 0, 0)
    assert counts(change(connection, Merge(NOTES, same))) == (0, 0, 2, 0)
    rows = candles(["A", "B"])
    assert counts(change(connection, Merge(HYPERLIQUID_CANDLES, rows))) == (2, 0, 0, 0)
    assert counts(change(connection, Merge(HYPERLIQUID_CANDLES, rows))) == (0, 0, 2, 0)


def test_without_a_version_the_later_write_stays(connection: DuckDBPyConnection) -> None:
    """Between writes and inside one frame."""
    change(connection, Merge(NOTES, notes([("n", "old", None, None), ("n", "new", ["x"], None)])))
    assert table(connection, NOTES)["text"].to_list() == ["new"]
    written = change(connection, Merge(NOTES, notes([("n", None, ["x"], date(2026, 1, 2))])))
    assert counts(written) == (0, 1, 0, 0)
    assert written.event_from_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert table(connection, NOTES).row(0) == ("n", None, ["x"], date(2026, 1, 2))


def test_a_table_that_says_when_it_saw_a_row_takes_each_write(
    connection: DuckDBPyConnection,
) -> None:
    """No version and nothing but `ingested_at`: the later write is stored."""
    for second in (1, 2):
        frame = pl.DataFrame({"thing": ["x"], "ingested_at": [at(second)]}, schema=SEEN.schema)
        change(connection, Merge(SEEN, frame))
    assert table(connection, SEEN)["ingested_at"].to_list() == [at(2)]


def test_null_is_less_than_any_version(connection: DuckDBPyConnection) -> None:
    """A row with a version replaces one without, and never the other way round."""
    change(connection, Merge(PRICES, prices([("A", 1.0, None, None)])))
    assert counts(change(connection, Merge(PRICES, prices([("A", 2.0, None, at(0))]))))[1] == 1
    assert counts(change(connection, Merge(PRICES, prices([("A", 3.0, 1, None)]))))[1] == 1
    assert counts(change(connection, Merge(PRICES, prices([("A", 4.0, None, at(9))]))))[2] == 1
    assert table(connection, PRICES)["price"].to_list() == [3.0]


def test_of_equal_versions_the_first_stays(connection: DuckDBPyConnection) -> None:
    """Between writes and inside one frame alike."""
    change(connection, Merge(PRICES, prices([("A", 1.0, 1, at(0)), ("A", 2.0, 1, at(0))])))
    change(connection, Merge(PRICES, prices([("A", 3.0, 1, at(0))])))
    assert table(connection, PRICES)["price"].to_list() == [1.0]


def test_a_candle_with_fewer_trades_never_overwrites(connection: DuckDBPyConnection) -> None:
    """A late frame loses against the fuller candle, and a closed one beats its forming self."""
    change(connection, Merge(HYPERLIQUID_CANDLES, candles(["A"], trades=9, close=9.0)))
    late = candles(["A"], trades=8, close=8.0)
    assert change(connection, Merge(HYPERLIQUID_CANDLES, late)).unchanged == 1
    closed = candles(["A"], trades=9, close=9.5).with_columns(is_closed=True)
    assert change(connection, Merge(HYPERLIQUID_CANDLES, closed)).updated == 1
    assert table(connection, HYPERLIQUID_CANDLES)["close"].to_list() == [9.5]


def test_what_a_fast_clock_stamped_loses_against_the_next_row(
    connection: DuckDBPyConnection,
) -> None:
    """Read a day ahead of time, it would stand until that day has come; so would its history."""
    change(connection, Merge(HYPERLIQUID_ASSETS, assets("A", seen=86_400)), now=at(86_400))
    right = assets("A", seen=60, max_leverage=5)
    assert change(connection, Merge(HYPERLIQUID_ASSETS, right), now=at(60)).updated == 1
    row = table(connection, HYPERLIQUID_ASSETS).row(0, named=True)
    assert (row["max_leverage"], row["ingested_at"]) == (5, at(60))
    assert (row["first_seen_at"], row["updated_at"]) == (at(60), at(60))
    older = assets("A", seen=30, max_leverage=9)
    assert change(connection, Merge(HYPERLIQUID_ASSETS, older), now=at(61)).unchanged == 1


@pytest.mark.parametrize(("ahead", "updated"), [(10, 0), (11, 1)])
def test_clocks_may_differ_by_ten_seconds(
    connection: DuckDBPyConnection, ahead: int, updated: int
) -> None:
    """The limit is what clocks are set by in good order."""
    change(connection, Merge(HYPERLIQUID_ASSETS, assets("A", seen=ahead)), now=at(ahead))
    right = Merge(HYPERLIQUID_ASSETS, assets("A", seen=0))
    assert change(connection, right, now=at(0)).updated == updated


def test_while_the_clock_is_behind_the_newer_row_wins(connection: DuckDBPyConnection) -> None:
    """All rows are from its future: they are compared with each other as ever."""
    for second, won in ((100, 1), (200, 1), (150, 0)):
        frame = assets("A", seen=second)
        written = change(connection, Merge(HYPERLIQUID_ASSETS, frame), now=at(0))
        assert written.inserted + written.updated == won
    assert table(connection, HYPERLIQUID_ASSETS)["ingested_at"].to_list() == [at(200)]


@pytest.mark.parametrize("way", [Merge, Replace])
def test_a_change_that_is_said_to_be_still_to_come_is_dated_anew(
    connection: DuckDBPyConnection, way: type[Merge | Replace]
) -> None:
    """Though the content is the same."""
    frame = pl.DataFrame({"category": ["m"], "label": ["M"], "updated_at": [at(86_400)]})
    frame = frame.cast(dict(CATEGORIES.schema))
    change(connection, way(CATEGORIES, frame), now=at(86_400))
    again = frame.with_columns(updated_at=pl.lit(at(5)).cast(CATEGORIES.schema["updated_at"]))
    assert counts(change(connection, way(CATEGORIES, again), now=at(5))) == (0, 1, 0, 0)
    assert table(connection, CATEGORIES)["updated_at"].to_list() == [at(5)]


def test_a_fuller_candle_stays_whenever_it_came(connection: DuckDBPyConnection) -> None:
    """Trades come before the time of receipt; with as many trades the right time wins."""
    fast = candles(["A"], trades=9, close=9.0).with_columns(
        ingested_at=pl.lit(at(86_400)).cast(HYPERLIQUID_CANDLES.schema["ingested_at"])
    )
    change(connection, Merge(HYPERLIQUID_CANDLES, fast), now=at(86_400))
    fewer = Merge(HYPERLIQUID_CANDLES, candles(["A"], trades=8, close=8.0))
    assert change(connection, fewer, now=at(60)).unchanged == 1
    as_many = Merge(HYPERLIQUID_CANDLES, candles(["A"], trades=9, close=9.5))
    assert change(connection, as_many, now=at(60)).updated == 1
    assert table(connection, HYPERLIQUID_CANDLES)["close"].to_list() == [9.5]


def test_inside_one_frame_the_right_time_wins(connection: DuckDBPyConnection) -> None:
    """The spool may bring both at once."""
    both = [("A", 1.0, 1, at(86_400)), ("A", 2.0, 1, at(3)), ("A", 3.0, 1, None)]
    change(connection, Merge(PRICES, prices(both)), now=at(5))
    assert table(connection, PRICES)["price"].to_list() == [2.0]


def test_set_once_columns_keep_their_first_value(connection: DuckDBPyConnection) -> None:
    """By a merge, by a replacement, and inside one frame."""
    both = pl.concat([assets("A", seen=10), assets("A", seen=20)])
    change(connection, Merge(HYPERLIQUID_ASSETS, both))
    change(connection, Merge(HYPERLIQUID_ASSETS, assets("A", "B", seen=30)))
    change(connection, Replace(HYPERLIQUID_ASSETS, assets("A", seen=40, max_leverage=5)))
    row = table(connection, HYPERLIQUID_ASSETS).row(0, named=True)
    assert (row["first_seen_at"], row["ingested_at"]) == (at(10), at(40))


@pytest.mark.parametrize("way", [Merge, Replace])
def test_changed_at_moves_only_with_the_content(
    connection: DuckDBPyConnection, way: type[Merge | Replace]
) -> None:
    """A registry read again moves `ingested_at`; a change of leverage moves `updated_at` too."""
    change(connection, way(HYPERLIQUID_ASSETS, assets("A", seen=10)))
    change(connection, way(HYPERLIQUID_ASSETS, assets("A", seen=20)))
    row = table(connection, HYPERLIQUID_ASSETS).row(0, named=True)
    assert (row["updated_at"], row["ingested_at"]) == (at(10), at(20))
    change(connection, way(HYPERLIQUID_ASSETS, assets("A", seen=30, max_leverage=20)))
    row = table(connection, HYPERLIQUID_ASSETS).row(0, named=True)
    assert (row["updated_at"], row["ingested_at"]) == (at(30), at(30))


@pytest.mark.parametrize("way", [Merge, Replace])
def test_a_row_that_only_says_when_it_changed_is_left_alone(
    connection: DuckDBPyConnection, way: type[Merge | Replace]
) -> None:
    """Where the version is `changed_at` itself, the same content writes nothing at all."""

    def frame(label: str | None, second: float) -> pl.DataFrame:
        rows = [("meme", label, at(second))]
        return pl.DataFrame(rows, schema=CATEGORIES.schema, orient="row")

    change(connection, way(CATEGORIES, frame("Memes", 1)))
    assert counts(change(connection, way(CATEGORIES, frame("Memes", 2)))) == (0, 0, 1, 0)
    assert counts(change(connection, way(CATEGORIES, frame(None, 3)))) == (0, 1, 0, 0)
    assert table(connection, CATEGORIES)["updated_at"].to_list() == [at(3)]


def test_replace_makes_the_table_the_frame(connection: DuckDBPyConnection) -> None:
    """Rows that are gone are deleted, older versions are taken, the same ones are left."""
    change(connection, Merge(PRICES, prices([("A", 1.0, 9, at(0)), ("B", 1.0, 9, at(0))])))
    frame = prices([("B", 2.0, 1, at(0)), ("C", 3.0, 1, at(0))])
    assert counts(change(connection, Replace(PRICES, frame))) == (1, 1, 0, 1)
    assert table(connection, PRICES).equals(frame)
    assert counts(change(connection, Replace(PRICES, frame))) == (0, 0, 2, 0)
    assert counts(change(connection, Replace(PRICES, empty(PRICES)))) == (0, 0, 0, 2)


def test_delete_binds_its_values(connection: DuckDBPyConnection) -> None:
    """What looks like SQL in a value is only a value."""
    odd = "A' or 1=1 --"
    change(connection, Merge(PRICES, prices([("A", 1.0, 1, at(0)), (odd, 2.0, 1, at(0))])))
    assert change(connection, Delete(PRICES, "symbol = ?", [odd])).deleted == 1
    assert table(connection, PRICES)["symbol"].to_list() == ["A"]


def test_a_merge_of_nothing_does_nothing(connection: DuckDBPyConnection) -> None:
    """No rows, no statement, no event times."""
    staged = stage(Merge(PRICES, empty(PRICES)), NOW)
    assert staged.is_empty
    assert apply(connection, staged, NOW) == Written("prices")


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (prices([("A", 1.0, 1, at(0))]).drop("price"), "missing columns"),
        (prices([("A", float("nan"), 1, at(0))]), "NaN"),
        (prices([("A", 1.0, 1, at(0))]).with_columns(symbol=pl.lit(None, pl.String)), "NULL"),
        (prices([("A", 1.0, 1, at(0))]).with_columns(pl.col("seq").cast(pl.Float64)), "seq is"),
    ],
)
def test_a_frame_of_the_wrong_shape_is_refused(frame: pl.DataFrame, complaint: str) -> None:
    """Before any lock is taken, and with the column's name."""
    with pytest.raises(FrameError, match=complaint):
        stage(Merge(PRICES, frame), NOW)


def test_scattered_rows_are_moved_together(connection: DuckDBPyConnection) -> None:
    """The first time they lie all over the table, the next time at its end."""
    first = prices((f"S{number}", 1.0, 1, at(0)) for number in range(130_000))
    change(connection, Merge(PRICES, first))
    [(_, lowest, highest)] = where(connection, "S0", "S129999")
    assert highest - lowest == 129_999
    for seq in (2, 3):
        frame = prices((symbol, 2.0, seq, at(0)) for symbol in ("S0", "S129999", "new"))
        written = change(connection, Merge(PRICES, frame))
        assert counts(written) == ((1, 2, 0, 0) if seq == 2 else (0, 3, 0, 0))
        [(stored, lowest, highest)] = where(connection, "S0", "S129999")
        assert (stored, highest - lowest < 10) == (2, True)
    late = prices((symbol, 9.0, 1, at(0)) for symbol in ("S1", "S129999"))
    assert counts(change(connection, Merge(PRICES, late))) == (0, 0, 2, 0)
    assert fetch(connection, "select count(*), sum(price) from prices") == [(130_001, 130_004.0)]


def where(connection: DuckDBPyConnection, *symbols: str) -> list[tuple[int, int, int]]:
    return fetch(
        connection,
        "select count(*), min(rowid), max(rowid) from prices where symbol in (select unnest(?))",
        [list(symbols)],
    )


def _of_days(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=DAYS.schema, orient="row")


def test_two_nulls_are_the_same_value_of_a_key(connection: DuckDBPyConnection) -> None:
    """A row whose key has one is replaced by a newer one, and is not a row of another interval."""
    first = _of_days(("a", None, 1, at(0)), ("a", "1m", 2, at(0)), ("b", None, 3, at(0)))
    assert change(connection, Merge(DAYS, first)).inserted == 3
    again = _of_days(("a", None, 4, at(9)), ("a", None, 5, at(8)), ("b", None, 6, at(-9)))
    assert change(connection, Merge(DAYS, again)).updated == 1
    found = fetch(connection, "select thing, interval, value from days order by all")
    assert found == [("a", "1m", 2), ("a", None, 4), ("b", None, 3)]


def test_a_table_is_replaced_by_keys_with_nulls(connection: DuckDBPyConnection) -> None:
    change(connection, Merge(DAYS, _of_days(("a", None, 1, at(0)), ("b", None, 2, at(0)))))
    done = change(connection, Replace(DAYS, _of_days(("a", None, 3, at(1)))))
    assert (done.inserted, done.updated, done.deleted) == (0, 1, 1)


def test_the_rest_of_such_a_key_is_never_null() -> None:
    assert DAYS.required == ("thing", "seen_at")
    with pytest.raises(FrameError, match="NULL in required columns \\['thing'\\]"):
        stage(Merge(DAYS, _of_days((None, None, 1, at(0)))), NOW)
    with pytest.raises(ValueError, match="are not of its key"):
        replace(DAYS, null_in_key=("value",))
