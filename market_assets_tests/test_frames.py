"""What a frame must be before it is written, and what is said of one that is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.frames import FrameError, conform, empty
from market_assets.tables import HYPERLIQUID_MID_PRICES, TABLES, TableSpec
from market_assets.tables.spec import Column, key_column

NOW = datetime(2026, 11, 20, tzinfo=UTC)
GOOD = {"symbol": "BTC", "bucket_at": NOW, "mid": 1.5, "samples": 2, "ingested_at": NOW}


def mids(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=HYPERLIQUID_MID_PRICES.schema)


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_an_empty_frame_is_one_of_its_table(spec: TableSpec) -> None:
    assert conform(spec, empty(spec)).columns == list(spec.column_names)


def test_columns_come_in_the_table_s_order() -> None:
    turned = mids(GOOD).select(reversed(HYPERLIQUID_MID_PRICES.column_names))
    assert conform(HYPERLIQUID_MID_PRICES, turned).equals(mids(GOOD))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: f.drop("mid"), "missing columns ['mid']"),
        (lambda f: f.with_columns(more=1), "unknown columns ['more']"),
        (lambda f: f.with_columns(pl.col("mid").cast(pl.Float32)), "mid is Float32, not Float64"),
        (
            lambda f: f.with_columns(pl.col("bucket_at").dt.replace_time_zone(None)),
            "bucket_at is Datetime",
        ),
        (lambda f: f.with_columns(symbol=pl.lit(None, pl.String)), "NULL in required columns"),
        (lambda f: f.with_columns(mid=pl.lit(None, pl.Float64)), "NULL in required columns"),
    ],
    ids=["missing", "unknown", "narrow", "naive", "no key", "no value"],
)
def test_what_is_wrong_is_named(spoil: Any, says: str) -> None:
    with pytest.raises(FrameError) as caught:
        conform(HYPERLIQUID_MID_PRICES, spoil(mids(GOOD)))
    assert str(caught.value).startswith("hyperliquid_mid_prices: ")
    assert says in str(caught.value)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_a_frame_passes_exactly_if_every_number_is_finite(values: list[float]) -> None:
    """Also where the sum of finite numbers is not: 1e308 three times."""
    frame = mids(*(GOOD | {"mid": value} for value in values))
    if all(math.isfinite(value) for value in values):
        assert conform(HYPERLIQUID_MID_PRICES, frame).equals(frame)
    else:
        with pytest.raises(FrameError, match=r"NaN or infinity in columns \['mid'\]"):
            conform(HYPERLIQUID_MID_PRICES, frame)


def test_a_sum_that_overflows_is_not_held_against_its_terms() -> None:
    frame = mids(*[GOOD | {"mid": 1e308}] * 3)
    assert conform(HYPERLIQUID_MID_PRICES, frame).height == 3


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_in_a_list_is_finite_too(number: float) -> None:
    spec = TableSpec(
        name="lists",
        grain="one row per id",
        columns=(
            key_column("id", "Which."),
            Column("at", "TIMESTAMPTZ", "When."),
            Column("prices", "DOUBLE[]", "Prices.", "USD"),
        ),
        key=("id",),
        time_column="at",
    )
    good = pl.DataFrame(
        {"id": ["a", "b", "c"], "at": [NOW] * 3, "prices": [[0.5, None], [], None]}, spec.schema
    )
    assert conform(spec, good).equals(good)
    bad = pl.DataFrame(
        {"id": ["a", "b"], "at": [NOW] * 2, "prices": [[0.5, 1.0], [2.0, number]]}, spec.schema
    )
    with pytest.raises(FrameError, match=r"NaN or infinity in columns \['prices'\]"):
        conform(spec, bad)
