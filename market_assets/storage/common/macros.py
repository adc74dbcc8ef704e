"""Macros and a view of the published file: what readers ask for most, by a name.

They are made at each publication and are no part of the live file. A macro reads live and archived
rows where the file has the views `<table>_all`, and the tables themselves where it has not.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from market_assets.storage.common.connection import fetch
from market_assets.tables import (
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_MID_PRICES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

_ELSE: Final = (
    "or the close of the newest closed candle, where there is no mid or only one that is more than "
    "a minute older"
)


@dataclass(frozen=True)
class Macro:
    """One definition.

    Attributes:
        name: as readers call it.
        kind: what it is to DuckDB, as `comment on` and `drop` name it.
        signature: the name with its parameters.
        doc: what it gives; also its comment in the file.
        example: a query that uses it.
        tables: what it reads; it is made where the file has all of them.
    """

    name: str
    kind: Literal["macro", "macro table", "view"]
    signature: str
    doc: str
    example: str
    tables: tuple[TableSpec, ...]


MACROS: Final = (
    Macro(
        "candles",
        "macro table",
        "candles(symbol, interval)",
        "The candles of a symbol and interval, live and archived, oldest first, with all columns "
        "of hyperliquid_candles. The newest may still be forming: see is_closed.",
        "from candles('BTC', '1h')",
        (HYPERLIQUID_CANDLES,),
    ),
    Macro(
        "price_at",
        "macro",
        "price_at(symbol, instant)",
        "The price of a symbol in its quote token as of an instant: the newest mid whose 5-second "
        "bucket began at or before it; where there is none, the close of the newest closed candle, "
        "which counts from its close_at on. NULL where there is neither.",
        "select price_at('BTC', '2026-12-01 12:00:00+00')",
        (HYPERLIQUID_MID_PRICES, HYPERLIQUID_CANDLES),
    ),
    Macro(
        "funding_between",
        "macro table",
        "funding_between(symbol, a, b)",
        "The funding payments of a symbol from a to b, both ends included, oldest first, with all "
        "columns of hyperliquid_funding_rates.",
        "select sum(funding_rate) from funding_between('BTC', '2026-01-01', '2026-02-01')",
        (HYPERLIQUID_FUNDING_RATES,),
    ),
    Macro(
        "latest_prices",
        "view",
        "latest_prices",
        "One row per symbol: the newest price in its quote token, and priced_at, the instant that "
        f"it is of: the newest mid, {_ELSE}. Live rows only: a symbol whose last price is past "
        "retention has no row.",
        "from latest_prices",
        (HYPERLIQUID_MID_PRICES, HYPERLIQUID_CANDLES),
    ),
)
"""All of them, in the order in which the documents show them."""


def create_macros(connection: DuckDBPyConnection) -> None:
    """Make those whose tables are there, anew, each with its comment; the others go.

    Args:
        connection: of the copy that is about to be published, in a transaction, and after the views
            `<table>_all` are made.
    """
    tables, views = _names(connection, "table"), _names(connection, "view")
    drop_macros(connection)
    made = [macro for macro in MACROS if all(table.name in tables for table in macro.tables)]
    read = {table.name for macro in made for table in macro.tables}
    both = sorted(name for name in read if f"{name}_all" in views)
    with _set_aside(connection, both):
        for macro in made:
            fetch(connection, _definition(macro, both))
    for macro in made:
        said = macro.doc.replace("'", "''")
        fetch(connection, f"comment on {macro.kind} {macro.name} is '{said}'")


def drop_macros(connection: DuckDBPyConnection) -> None:
    """Leave none: a live file that is made of a published copy has none of its own."""
    for macro in MACROS:
        fetch(connection, f"drop {macro.kind} if exists {macro.name}")


@contextmanager
def _set_aside(connection: DuckDBPyConnection, tables: Sequence[str]) -> Iterator[None]:
    """Have the views of live and archived rows be plain ones of the tables meanwhile.

    When DuckDB makes a macro it looks into the views that this reads, and takes their columns for
    the macro's parameters of the same name, which is an error; when a macro is used it does not.
    """
    for name in tables:
        fetch(connection, f'alter view "{name}_all" rename to "{name}_aside"')
        fetch(connection, f'create view "{name}_all" as from "{name}"')
    yield
    for name in tables:
        fetch(connection, f'drop view "{name}_all"')
        fetch(connection, f'alter view "{name}_aside" rename to "{name}_all"')


def _names(connection: DuckDBPyConnection, kind: Literal["table", "view"]) -> set[str]:
    """The names of all tables, or of all views."""
    found = fetch(
        connection,
        f"select {kind}_name from duckdb_{kind}s() "  # noqa: S608 - one of two words
        "where database_name = current_database() and schema_name = 'main'",
    )
    return {name for (name,) in found}


def _definition(macro: Macro, both: Sequence[str]) -> str:
    """The statement that makes it, over live and archived rows of the tables that have such."""
    file = resources.files("market_assets.storage.common").joinpath("sql", f"{macro.name}.sql")
    sql = file.read_text("utf-8")
    for table in macro.tables:
        if table.name not in both:
            sql = sql.replace(f"{table.name}_all", table.name)
    return sql
