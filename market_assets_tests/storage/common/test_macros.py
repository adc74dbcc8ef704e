"""What readers ask for by a name: its values, and that it is there whatever became of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from market_assets.storage.common.macros import MACROS, create_macros, drop_macros
from market_assets.storage.common.schema import create_table
from market_assets.tables import (
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_MID_PRICES,
    TableSpec,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TABLES = (HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES, HYPERLIQUID_FUNDING_RATES)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def put(connection: DuckDBPyConnection, table: TableSpec, **values: object) -> None:
    """A row of a table; what is not said is NULL or nothing in particular."""
    usual: dict[str, object] = {
        "symbol": "BTC",
        **dict.fromkeys(("open", "high", "low", "volume", "funding_rate"), 1.0),
        **dict.fromkeys(("trades", "samples", "interval_hours"), 1),
        "source": "stream",
    }
    row = {name: values.get(name, usual.get(name)) for name in table.column_names}
    connection.table(table.name).insert(list(row.values()))


def put_mid(
    connection: DuckDBPyConnection, seconds: float, mid: float, symbol: str = "BTC"
) -> None:
    put(connection, HYPERLIQUID_MID_PRICES, symbol=symbol, bucket_at=after(seconds), mid=mid)


def put_candle(
    connection: DuckDBPyConnection,
    closes: float,
    close: float,
    *,
    symbol: str = "BTC",
    interval: str = "1m",
    is_closed: bool = True,
) -> None:
    """A candle that closes so many seconds after noon."""
    length = {"1m": 60, "1h": 3600}[interval]
    put(
        connection,
        HYPERLIQUID_CANDLES,
        symbol=symbol,
        interval=interval,
        open_at=after(closes - length),
        close_at=after(closes),
        close=close,
        is_closed=is_closed,
    )


def database(tables: Sequence[TableSpec] = TABLES) -> DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for spec in tables:
        connection.execute(create_table(spec))
    return connection


@pytest.fixture(name="connection")
def make_connection() -> Iterator[DuckDBPyConnection]:
    """Empty tables, and the macros on them."""
    with database() as connection:
        create_macros(connection)
        yield connection


def price_at(connection: DuckDBPyConnection, seconds: float, symbol: str = "BTC") -> float | None:
    [(price,)] = connection.execute("select price_at(?, ?)", [symbol, after(seconds)]).fetchall()
    return price  # type: ignore[no-any-return]


def test_candles_are_of_one_symbol_and_interval_oldest_first(
    connection: DuckDBPyConnection,
) -> None:
    """With all columns, as the table has them; a forming one too."""
    put_candle(connection, 120, 2.0, is_closed=False)
    put_candle(connection, 60, 1.0)
    put_candle(connection, 60, 9.0, interval="1h")
    put_candle(connection, 60, 9.0, symbol="ETH")
    found = connection.execute("from candles('BTC', '1m')")
    names = [column[0] for column in found.description or ()]
    assert names == list(HYPERLIQUID_CANDLES.column_names)
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert [(row["symbol"], row["interval"], row["close"]) for row in rows] == [
        ("BTC", "1m", 1.0),
        ("BTC", "1m", 2.0),
    ]
    assert connection.execute("from candles('nobody', '1m')").fetchall() == []


def test_parameters_have_the_names_that_readers_know(connection: DuckDBPyConnection) -> None:
    put_candle(connection, 60, 1.0)
    named = """select close from candles("interval" := '1m', symbol := 'BTC')"""
    assert connection.execute(named).fetchall() == [(1.0,)]
    named = "select price_at(instant := '2026-01-01 12:01:00+00', symbol := 'BTC')"
    assert connection.execute(named).fetchall() == [(1.0,)]


def test_the_price_is_the_newest_mid_at_or_before_the_instant(
    connection: DuckDBPyConnection,
) -> None:
    put_mid(connection, 0, 100.0)
    put_mid(connection, 5, 101.0)
    put_mid(connection, 0, 7.0, symbol="ETH")
    assert [price_at(connection, s) for s in (-0.001, 0, 4.999, 5, 3600)] == [
        None,
        100.0,
        100.0,
        101.0,
        101.0,
    ]
    assert price_at(connection, 3600, "ETH") == 7.0
    assert price_at(connection, 3600, "nobody") is None


def test_a_candle_is_a_price_from_its_close_on(connection: DuckDBPyConnection) -> None:
    """One that is still forming is none, though its close_at is past: nobody saw it close."""
    put_candle(connection, 60, 1.0)
    put_candle(connection, 120, 2.0, is_closed=False)
    assert [price_at(connection, s) for s in (59.999, 60, 119, 180)] == [None, 1.0, 1.0, 1.0]


def test_a_mid_goes_before_a_close_however_old_it_is(connection: DuckDBPyConnection) -> None:
    put_candle(connection, 60, 1.0)
    put_mid(connection, 65, 100.0)
    put_candle(connection, 3600, 2.0)
    assert [price_at(connection, s) for s in (60, 64, 65, 7200)] == [1.0, 1.0, 100.0, 100.0]


def test_a_price_can_be_asked_for_many_rows(connection: DuckDBPyConnection) -> None:
    """By columns of the same names as the parameters'; NULL has no price."""
    put_mid(connection, 0, 100.0)
    put_mid(connection, 5, 7.0, symbol="ETH")
    asked = connection.execute(
        "select symbol, price_at(symbol, instant) from (values ('BTC', ?), ('ETH', ?), ('ETH', ?),"
        " (null, ?)) as t (symbol, instant) order by all",
        [after(1), after(1), after(9), after(1)],
    )
    assert asked.fetchall() == [("BTC", 100.0), ("ETH", 7.0), ("ETH", None), (None, None)]


def test_funding_is_between_both_ends(connection: DuckDBPyConnection) -> None:
    for hour in (2, 0, 1, 3):
        put(
            connection,
            HYPERLIQUID_FUNDING_RATES,
            funding_at=after(3600 * hour),
            funding_rate=float(hour),
        )
    put(connection, HYPERLIQUID_FUNDING_RATES, symbol="ETH", funding_at=after(3600))
    found = connection.execute(
        "select symbol, funding_rate from funding_between('BTC', ?, ?)", [after(3600), after(7200)]
    )
    assert found.fetchall() == [("BTC", 1.0), ("BTC", 2.0)]
    everything = connection.execute("from funding_between('BTC', '2000-01-01', '2100-01-01')")
    names = [column[0] for column in everything.description or ()]
    assert names == list(HYPERLIQUID_FUNDING_RATES.column_names)
    assert len(everything.fetchall()) == 4


def test_the_latest_prices_have_a_row_per_symbol(connection: DuckDBPyConnection) -> None:
    """From either table: a close where there is no mid, or only a much older one."""
    put_mid(connection, 0, 100.0)
    put_mid(connection, 5, 101.0)
    put_candle(connection, 60, 1.0)
    put_mid(connection, 0, 50.0, symbol="ETH")
    put_candle(connection, 120, 51.0, symbol="ETH")
    put_candle(connection, 60, 7.0, symbol="@107")
    put_candle(connection, 120, 8.0, symbol="@107", is_closed=False)
    put_mid(connection, 0, 9.0, symbol="SOL")
    found = connection.execute("select symbol, price, priced_at from latest_prices").fetchall()
    assert found == [
        ("@107", 7.0, after(60)),
        ("BTC", 101.0, after(5)),
        ("ETH", 51.0, after(120)),
        ("SOL", 9.0, after(0)),
    ]


def test_archived_rows_are_read_where_there_are_views_of_them() -> None:
    """Also where a view names the columns that are a macro's parameters too."""
    with database() as connection:
        for spec in TABLES:
            connection.execute(create_table(replace(spec, name=f"old_{spec.name}")))
            connection.execute(view_of_both(spec))
            connection.execute(f"comment on view {spec.name}_all is 'both'")
        before = views_of(connection)
        create_macros(connection)
        create_macros(connection)
        assert views_of(connection) == before
        mids, candles, rates = (
            replace(spec, name=f"old_{spec.name}")
            for spec in (HYPERLIQUID_MID_PRICES, HYPERLIQUID_CANDLES, HYPERLIQUID_FUNDING_RATES)
        )
        put(connection, mids, bucket_at=after(0), mid=100.0)
        put(connection, rates, funding_at=after(0))
        put_candle(connection, 60, 2.0)
        times = {"open_at": after(-60), "close_at": after(0)}
        put(connection, candles, interval="1m", **times, close=1.0, is_closed=True)
        found = connection.execute("select close from candles('BTC', '1m')").fetchall()
        assert found == [(1.0,), (2.0,)]
        span = "'2000-01-01', '2100-01-01'"
        assert len(connection.execute(f"from funding_between('BTC', {span})").fetchall()) == 1
        assert price_at(connection, 60) == 100.0
        assert connection.execute("select price from latest_prices").fetchall() == [(2.0,)]


def view_of_both(spec: TableSpec) -> str:
    """A view that reads two tables, as one of live and archived rows would."""
    columns = ", ".join(f'"{name}"' for name in spec.column_names)
    live, old = (
        f'select {columns} from "{name}"'  # noqa: S608 - names of the spec
        for name in (spec.name, f"old_{spec.name}")
    )
    return f"create view {spec.name}_all as {live} union all {old}"


def views_of(connection: DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Each view of live and archived rows, with what it is and its comment."""
    return connection.execute(
        "select view_name, sql, comment from duckdb_views() where view_name like '%_all' order by 1"
    ).fetchall()


def test_made_again_they_follow_the_tables_that_there_are(connection: DuckDBPyConnection) -> None:
    """None is left that would read a table that is gone, or an archive that is."""
    connection.execute("create view hyperliquid_candles_all as from hyperliquid_candles limit 0")
    put_candle(connection, 60, 1.0)
    create_macros(connection)
    assert connection.execute("from candles('BTC', '1m')").fetchall() == []
    connection.execute("drop view hyperliquid_candles_all")
    create_macros(connection)
    assert len(connection.execute("from candles('BTC', '1m')").fetchall()) == 1
    connection.execute("drop table hyperliquid_mid_prices")
    create_macros(connection)
    assert names_in(connection) == {"candles", "funding_between"}
    drop_macros(connection)
    assert names_in(connection) == set()


def test_each_has_its_comment_and_an_example_that_runs(connection: DuckDBPyConnection) -> None:
    comments = dict(
        connection.execute(
            "select function_name, comment from duckdb_functions() where not internal union all "
            "select view_name, comment from duckdb_views() where not internal"
        ).fetchall()
    )
    assert comments == {macro.name: macro.doc for macro in MACROS}
    for macro in MACROS:
        connection.execute(macro.example).fetchall()
        assert macro.signature.startswith(macro.name)


def names_in(connection: DuckDBPyConnection) -> set[str]:
    """All macros and views."""
    return {
        name
        for (name,) in connection.execute(
            "select function_name from duckdb_functions() where not internal union all "
            "select view_name from duckdb_views() where not internal"
        ).fetchall()
    }


SECONDS = st.integers(min_value=-20, max_value=20).map(lambda n: n * 15)
PRICES = st.dictionaries(SECONDS, st.floats(min_value=1, max_value=1e6), max_size=8)


@given(mids=PRICES, closes=PRICES, instant=SECONDS)
def test_nothing_after_the_instant_changes_its_price(
    mids: dict[int, float], closes: dict[int, float], instant: int
) -> None:
    """And it is what the rule says, worked out in Python."""
    with database() as all_rows, database() as past:
        for connection, most in ((all_rows, 10**6), (past, instant)):
            for seconds, price in mids.items():
                if seconds <= most:
                    put_mid(connection, seconds, price)
            for seconds, price in closes.items():
                if seconds <= most:
                    put_candle(connection, seconds, price)
            create_macros(connection)
        mid_at = max((s for s in mids if s <= instant), default=None)
        close_at = max((s for s in closes if s <= instant), default=None)
        if mid_at is None:
            expected = None if close_at is None else closes[close_at]
        else:
            expected = mids[mid_at]
        assert price_at(all_rows, instant) == price_at(past, instant) == expected
