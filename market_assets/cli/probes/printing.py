"""How `probe` shows what it would write, and what it would leave out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import click
import polars as pl

from market_assets.cli.errors import NotDoneError

if TYPE_CHECKING:
    from collections.abc import Mapping


_SIDE_BY_SIDE: Final = 8
"""Columns of a table that a terminal still shows as one."""
_LONGEST: Final = 100


def print_rows(table: str, frame: pl.DataFrame, limit: int) -> None:
    """The first rows that would go into a table: side by side, or a wide table's one by one."""
    click.echo(f"\n{table}: {frame.height} rows")
    shown = frame.head(limit)
    if frame.width <= _SIDE_BY_SIDE:
        with pl.Config(
            tbl_rows=limit, tbl_cols=-1, tbl_width_chars=200, tbl_hide_dataframe_shape=True
        ):
            click.echo(shown)
        return
    width = max(len(name) for name in frame.columns)
    for row in shown.iter_rows(named=True):
        click.echo("")
        for name, value in row.items():
            click.echo(f"  {name:<{width}}  {_in_short(value)}")


def _in_short(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, list):
        return f"[{', '.join(_in_short(one) for one in value)}]"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def refuse_failures(failed: Mapping[str, str]) -> None:
    """Rows may make no sense, and are left out; what could not be asked for at all is no success.

    Raises:
        NotDoneError: something could not be had; the reason of the first.
    """
    if failed:
        first, why = next(iter(failed.items()))
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise NotDoneError(f"{first or 'the first dex'} could not be read: {why}{more}")


def print_rejected(rejected: Mapping[str, str]) -> None:
    """What made no sense, and why."""
    for what, why in rejected.items():
        click.echo(f"left out {what!r}: {why}", err=True)
