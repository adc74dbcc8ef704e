"""`completeness`: what is there, day by day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from market_assets.cli.health import plain_table, wide_console
from market_assets.settings import load
from market_assets.tables import DATA_COMPLETENESS, GRID_SERIES

if TYPE_CHECKING:
    from market_assets.storage.api import Snapshot

_TABLES: Final = tuple(dict.fromkeys(series.table.name for series in GRID_SERIES))
_COUNTS: Final = ("expected_rows", "present_rows", "healed_rows", "lost_rows")
_SHORT_OF_ALL_PCT: Final = 99.99
"""What is not whole never reads as 100 %."""
_ROWS: Final = f"""
select {", ".join(f'"{name}"' for name in DATA_COMPLETENESS.column_names)}
from data_completeness
where ($table_name is null or table_name = $table_name)
  and ($symbol is null or symbol = $symbol)
  and ($since is null or day >= $since)
order by table_name, "interval", day, symbol
"""  # noqa: S608 - names of the spec
_DAYS: Final = """
select
    table_name,
    "interval",
    day,
    $symbol as symbol,
    sum(expected_rows)::bigint as expected_rows,
    sum(present_rows)::bigint as present_rows,
    sum(healed_rows)::bigint as healed_rows,
    sum(lost_rows)::bigint as lost_rows,
    100.0 * sum(least(present_rows, expected_rows)) / nullif(sum(expected_rows), 0)
        as completeness_pct,
from data_completeness
where ($table_name is null or table_name = $table_name)
  and ($symbol is null or symbol = $symbol)
  and ($since is null or day >= $since)
group by table_name, "interval", day
order by table_name, "interval", day
"""


def _day(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    """The day that was typed, or an error that says how days are written."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day; write 2026-01-31") from None


@click.command()
@click.option(
    "--table",
    metavar="T",
    type=click.Choice(_TABLES),
    help=f"Only this table: {', '.join(_TABLES)}.",
)
@click.option("--symbol", metavar="S", help="Only this asset, by its symbol at the exchange.")
@click.option("--since", metavar="DAY", callback=_day, help="Only from this day (UTC) on.")
@click.option("--json", "as_json", is_flag=True, help="The rows as they are, for programs.")
def completeness(
    *, table: str | None, symbol: str | None, since: date | None, as_json: bool
) -> None:
    """Show how many rows each day should have and has, as of the last count."""
    from market_assets.storage.opening import open_snapshots  # noqa: PLC0415 - `--help` need not pay

    snapshots = open_snapshots(load().market_db)
    try:
        with snapshots.snapshot() as snapshot:
            is_counted = _is_counted(snapshot)
            if symbol is not None and is_counted and not _is_known(snapshot, symbol):
                raise click.BadParameter(
                    f"nothing was counted of {symbol!r}", param_hint="'--symbol'"
                )
            asked = {"table_name": table, "symbol": symbol, "since": since}
            rows = snapshot.rows(_ROWS if as_json else _DAYS, asked) if is_counted else []
    finally:
        snapshots.close()
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=_as_text))
    elif rows:
        _print(rows, symbol)
    elif is_counted:
        click.echo("no day that was counted is among these")
    else:
        click.echo("nothing has been counted yet; the asset data_completeness does it every hour")


def _print(rows: list[dict[str, Any]], symbol: str | None) -> None:
    """The table for people: a row a series and day."""
    counts = [name.removesuffix("_rows") for name in _COUNTS]
    of_symbol = [] if symbol is None else ["symbol"]
    table = plain_table("table", *of_symbol, "day", *counts, "%", right=(*counts, "%"))
    for row in rows:
        table.add_row(
            row["table_name"] + (f" {row['interval']}" if row["interval"] else ""),
            *(str(row[name]) for name in of_symbol),
            f"{row['day']}",
            *(f"{row[name]:,}" for name in _COUNTS),
            _share(row["completeness_pct"]),
        )
    wide_console().print(table)


def _share(share: float | None) -> str:
    if share is None:
        return ""
    is_whole = share == 100  # noqa: PLR2004 - per cent
    return "100" if is_whole else f"{min(share, _SHORT_OF_ALL_PCT):.2f}"


def _is_counted(snapshot: Snapshot) -> bool:
    if DATA_COMPLETENESS.name not in snapshot.columns:
        return False
    return bool(snapshot.rows("select 1 as one from data_completeness limit 1"))


def _is_known(snapshot: Snapshot, symbol: str) -> bool:
    sql = "select 1 as one from data_completeness where symbol = $symbol limit 1"
    return bool(snapshot.rows(sql, {"symbol": symbol}))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
