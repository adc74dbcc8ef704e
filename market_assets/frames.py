"""Polars frames of a `TableSpec`: the types, an empty frame, and the assertion before a write.

Sources and features end by calling `conform`; storage calls it again before it writes, so a frame
of the wrong shape fails with one clear line and nothing reaches a table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.tables import TableSpec


class FrameError(ValueError):
    """A frame does not have the columns, types or values that its table promises."""


def empty(spec: TableSpec) -> pl.DataFrame:
    """A frame of the table without rows."""
    return pl.DataFrame(schema=spec.schema)


def at(instant: datetime) -> pl.Expr:
    """An instant as a literal of the type that every `TIMESTAMPTZ` column has."""
    return pl.lit(instant, pl.Datetime("us", "UTC"))


def conform(spec: TableSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the table's columns in the table's order, or an error that names the column.

    Raises:
        FrameError: a column is missing or unknown, has another type, is NULL where it must not
            be, or holds NaN (which SQL would sort above every number).
    """
    schema, has = spec.schema, frame.schema
    missing = [name for name in schema if name not in has]
    unknown = [name for name in has if name not in schema]
    if missing or unknown:
        raise FrameError(f"{spec.name}: missing columns {missing}, unknown columns {unknown}")
    wrong = [
        f"{name} is {has[name]}, not {dtype}"
        for name, dtype in schema.items()
        if has[name] != dtype
    ]
    if wrong:
        raise FrameError(f"{spec.name}: {'; '.join(wrong)}")
    if list(has) != list(schema):
        frame = frame.select(list(schema))
    nulls = [name for name in spec.required if frame[name].null_count()]
    if nulls:
        raise FrameError(f"{spec.name}: NULL in required columns {nulls}")
    bad = [name for name, dtype in schema.items() if not _is_finite(frame[name], dtype)]
    if bad:
        raise FrameError(f"{spec.name}: NaN or infinity in columns {bad}")
    return frame


def check_scopes(spec: TableSpec, frame: pl.DataFrame, scopes: pl.DataFrame) -> None:
    """Let a frame pass that lies inside of scopes: values of some columns of the key, one row each.

    Raises:
        FrameError: a scope is not of the key, or a row of the frame is in none.
    """
    by = scopes.columns
    if not by or not set(by) <= set(spec.key):
        raise FrameError(f"{spec.name}: a scope has columns of the key {spec.key}, not {by}")
    wrong = [name for name in by if scopes.schema[name] != spec.schema[name]]
    if wrong or any(scopes.null_count().row(0)):
        raise FrameError(f"{spec.name}: a scope's {wrong or by} is NULL or of another type")
    outside = frame.join(scopes, on=by, how="anti")
    if not outside.is_empty():
        raise FrameError(f"{spec.name}: {outside.row(0, named=True)} is in no scope")


def listed(now: datetime) -> list[pl.Expr]:
    """The columns `tables.spec.LISTED` of rows that a venue's answer has just named."""
    instant = pl.Datetime("us", "UTC")
    return [
        pl.lit(value=True).alias("is_listed"),
        pl.lit(now, instant).alias("last_listed_at"),
        pl.lit(None, instant).alias("missing_since"),
        pl.lit(0, pl.Int64).alias("times_missed"),
    ]


def _is_finite(column: pl.Series, dtype: pl.DataType) -> bool:
    """Whether it holds neither NaN nor infinity, in lists neither.

    A sum is finite only where all its terms are, and costs a tenth of asking each; a flush of the
    stream is checked six times on its way. Terms whose sum overflows are asked one by one.
    """
    if isinstance(dtype, pl.List):
        return _is_finite(column.explode(), dtype.inner)  # type: ignore[arg-type] # an instance
    if dtype != pl.Float64:
        return True
    return math.isfinite(column.sum() or 0.0) or bool(column.is_finite().all())
