"""How `probe` shows what it would write, and what it would leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping


def print_rows(table: str, frame: pl.DataFrame, limit: int) -> None:
    """The first rows that would go into a table, all columns of them."""
    with pl.Config(tbl_rows=limit, tbl_cols=-1, tbl_width_chars=200, tbl_hide_dataframe_shape=True):
        click.echo(f"\n{table}: {frame.height} rows\n{frame.head(limit)}")


def print_rejected(rejected: Mapping[str, str]) -> None:
    """What made no sense, and why."""
    for what, why in rejected.items():
        click.echo(f"left out {what!r}: {why}", err=True)
