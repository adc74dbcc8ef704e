"""Which Polars type holds a SQL type. Apart, because tables are read where nobody needs Polars."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from market_assets.tables.sql_types import SqlType


def polars_type(sql_type: SqlType) -> pl.DataType:
    """The Polars type that holds a SQL type; microseconds, as DuckDB's `TIMESTAMPTZ`."""
    return _types()[sql_type]


@cache
def _types() -> dict[SqlType, pl.DataType]:
    # Not a constant: importing this module must not look inside Polars (launcher/deferred.py).
    return {
        "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
        "DATE": pl.Date(),
        "DOUBLE": pl.Float64(),
        "BIGINT": pl.Int64(),
        "BOOLEAN": pl.Boolean(),
        "VARCHAR": pl.String(),
        "VARCHAR[]": pl.List(pl.String()),
        "DOUBLE[]": pl.List(pl.Float64()),
    }
